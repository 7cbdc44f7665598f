package main

import (
	"encoding/csv"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"
)

const (
	committedModel = "../breast-cancer/model-1.json"
	heldOutRows    = "../breast-cancer/held-out.csv"
)

func row(values ...string) string {
	rest := strings.Repeat(",0", features-len(values))
	return "[" + strings.Join(values, ",") + rest + "]"
}

func TestParseInstancesSaysWhereABodyIsWrong(t *testing.T) {
	for _, test := range []struct{ body, says string }{
		{``, `the body is not JSON`},
		{`{"instances": []} {}`, `more data follows`},
		{`[]`, `the body is a list, not an object`},
		{`{"rows": []}`, `the body has no "instances"`},
		{`{"instances": 1}`, `"instances" is a number, not a list`},
		{`{"instances": [[1]]}`, `instances[0] has 1 values, expected 30`},
		{`{"instances": [` + row("1") + `, null]}`, `instances[1] is null, not a list`},
		{`{"instances": [` + row("1", "true") + `]}`, `instances[0][1] is a boolean, not a number`},
		{`{"instances": [` + row("1", "1e999") + `]}`, `instances[0][1] is not a finite number`},
	} {
		_, err := parseInstances([]byte(test.body))
		if err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%.60s: got %v, want %q", test.body, err, test.says)
		}
	}
}

func TestSigmoidIsAProbabilityForEveryScore(t *testing.T) {
	for score, want := range map[float64]float64{0: 0.5, 1e308: 1, -1e308: 0, math.Inf(1): 1, math.Inf(-1): 0} {
		if got := sigmoid(score); got != want {
			t.Errorf("sigmoid(%g) = %g, want %g", score, got, want)
		}
	}
}

func TestCommittedModelIsRightOnMostHeldOutRows(t *testing.T) {
	model, err := loadModel(settings{modelFile: committedModel})
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(heldOutRows)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	lines, err := csv.NewReader(file).ReadAll()
	if err != nil {
		t.Fatal(err)
	}

	right := 0
	for _, line := range lines[1:] {
		values := make([]float64, features)
		for i := range values {
			if values[i], err = strconv.ParseFloat(line[i], 64); err != nil {
				t.Fatal(err)
			}
		}
		if (model.probability(values) >= 0.5) == (line[features] == "1") {
			right++
		}
	}

	if right != 134 {
		t.Errorf("right on %d of %d rows, want 134 as in Python", right, len(lines)-1)
	}
}
