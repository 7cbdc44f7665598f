package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"strings"
)

const (
	features  = 30
	uriPrefix = "data:application/json;base64,"
)

// linearModel is logistic regression on raw measurements; standardisation is folded in.
type linearModel struct {
	version   string
	source    string
	coef      []float64
	intercept float64
}

func (m *linearModel) probability(row []float64) float64 {
	score := 0.0
	for i, value := range row {
		score += m.coef[i] * value
	}
	return sigmoid(m.intercept + score)
}

// loadModel prefers MODEL_URI to the file that was built into the image.
func loadModel(settings settings) (*linearModel, error) {
	if settings.modelURI == "" {
		text, err := os.ReadFile(settings.modelFile)
		if err != nil {
			return nil, fmt.Errorf("cannot read the model file: %w", err)
		}
		return parseModel(text, settings.modelFile, settings.modelVersion)
	}
	encoded, found := strings.CutPrefix(settings.modelURI, uriPrefix)
	if !found {
		return nil, fmt.Errorf("MODEL_URI does not start with %s", uriPrefix)
	}
	text, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return nil, fmt.Errorf("MODEL_URI is not base64: %w", err)
	}
	return parseModel(text, "MODEL_URI", settings.modelVersion)
}

func parseModel(text []byte, source, version string) (*linearModel, error) {
	var document struct {
		Version   string
		Coef      []*float64
		Intercept *float64
	}
	if err := json.Unmarshal(text, &document); err != nil {
		return nil, fmt.Errorf("%s is not a model: %w", source, err)
	}
	if len(document.Coef) != features {
		return nil, fmt.Errorf(`"coef" in %s is not a list of %d numbers`, source, features)
	}
	model := &linearModel{version: orDefault(version, orDefault(document.Version, "unnamed")), source: source}
	for _, number := range append(document.Coef, document.Intercept) {
		if number == nil {
			return nil, fmt.Errorf(`"coef" and "intercept" in %s are not all finite numbers`, source)
		}
		model.coef = append(model.coef, *number)
	}
	model.coef, model.intercept = model.coef[:features], model.coef[features]
	return model, nil
}

func sigmoid(score float64) float64 {
	// Two forms, so that exp never overflows.
	if score >= 0 {
		return 1 / (1 + math.Exp(-score))
	}
	grown := math.Exp(score)
	return grown / (1 + grown)
}
