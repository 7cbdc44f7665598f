package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
)

// problem is a refusal that says what is wrong, where, and how to mend it.
type problem struct {
	Status int    `json:"-"`
	Reason string `json:"error"`
	Hint   string `json:"hint"`
	allow  string
}

func (p *problem) Error() string { return p.Reason }

type prediction struct {
	Label int     `json:"label"`
	P     float64 `json:"p"`
}

type answer struct {
	Predictions []prediction `json:"predictions"`
	Version     string       `json:"version"`
}

var shape = fmt.Sprintf(`send {"instances": [[%d numbers], ...]}`, features)

func predict(model *linearModel, body []byte) (*answer, error) {
	rows, err := parseInstances(body)
	if err != nil {
		return nil, err
	}
	result := &answer{Predictions: make([]prediction, 0, len(rows)), Version: model.version}
	for _, row := range rows {
		p := model.probability(row)
		label := 0
		if p >= 0.5 {
			label = 1
		}
		result.Predictions = append(result.Predictions, prediction{Label: label, P: p})
	}
	return result, nil
}

func parseInstances(body []byte) ([][]float64, error) {
	document, err := parseJSON(body)
	if err != nil {
		return nil, badRequest(shape, "the body is not JSON: %v", err)
	}
	fields, ok := document.(map[string]any)
	if !ok {
		return nil, badRequest(shape, "the body is %s, not an object", kind(document))
	}
	value, ok := fields["instances"]
	if !ok {
		return nil, badRequest(shape, `the body has no "instances"`)
	}
	instances, ok := value.([]any)
	if !ok {
		return nil, badRequest(shape, `"instances" is %s, not a list`, kind(value))
	}
	rows := make([][]float64, 0, len(instances))
	for index, instance := range instances {
		row, err := parseRow(instance, index)
		if err != nil {
			return nil, err
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// parseJSON keeps numbers as text, so that one too large for a float64 is found in its place.
func parseJSON(body []byte) (any, error) {
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	var document any
	if err := decoder.Decode(&document); err != nil {
		return nil, err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("more data follows the first value")
	}
	return document, nil
}

func parseRow(value any, index int) ([]float64, error) {
	values, ok := value.([]any)
	if !ok {
		return nil, badRequest(shape, "instances[%d] is %s, not a list", index, kind(value))
	}
	if len(values) != features {
		hint := fmt.Sprintf("send all %d measurements of a row, in the order of the model file", features)
		return nil, badRequest(hint, "instances[%d] has %d values, expected %d", index, len(values), features)
	}
	row := make([]float64, features)
	for column, value := range values {
		text, ok := value.(json.Number)
		if !ok {
			return nil, badRequest("send plain numbers", "instances[%d][%d] is %s, not a number", index, column, kind(value))
		}
		number, err := strconv.ParseFloat(string(text), 64)
		if err != nil {
			hint := "leave the row out or fill the gap: the model knows no missing values"
			return nil, badRequest(hint, "instances[%d][%d] is not a finite number", index, column)
		}
		row[column] = number
	}
	return row, nil
}

func badRequest(hint, format string, arguments ...any) *problem {
	return &problem{Status: http.StatusBadRequest, Reason: fmt.Sprintf(format, arguments...), Hint: hint}
}

func kind(value any) string {
	switch value.(type) {
	case map[string]any:
		return "an object"
	case []any:
		return "a list"
	case string:
		return "a string"
	case bool:
		return "a boolean"
	case nil:
		return "null"
	default:
		return "a number"
	}
}
