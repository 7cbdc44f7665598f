package main

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func testServer(t *testing.T) *modelServer {
	t.Helper()
	config := settings{modelFile: committedModel}
	model, err := loadModel(config)
	if err != nil {
		t.Fatal(err)
	}
	return newServer(config, model, slog.New(slog.NewTextHandler(io.Discard, nil)))
}

func TestAnswers(t *testing.T) {
	server := testServer(t)
	for _, test := range []struct {
		method, path, body string
		status             int
		key, says          string
	}{
		{"POST", "/predict", `{"instances": [` + row("1") + `]}`, 200, "version", "1"},
		{"POST", "/predict", `{}`, 400, "error", `the body has no "instances"`},
		{"POST", "/predict", strings.Repeat(" ", maxBodyBytes+1), 413, "hint", "send fewer rows per request"},
		{"GET", "/predict", "", 405, "hint", "use POST"},
		{"GET", "/other", "", 404, "error", "there is no /other here"},
		{"GET", "/healthz", "", 200, "status", "ok"},
		{"GET", "/livez", "", 200, "status", "ok"},
	} {
		recorder := httptest.NewRecorder()
		server.ServeHTTP(recorder, httptest.NewRequest(test.method, test.path, strings.NewReader(test.body)))
		var document map[string]any
		if err := json.Unmarshal(recorder.Body.Bytes(), &document); err != nil {
			t.Fatalf("%s %s: %v", test.method, test.path, err)
		}
		if recorder.Code != test.status || document[test.key] != test.says {
			t.Errorf("%s %s: got %d %v, want %d %q", test.method, test.path, recorder.Code, document, test.status, test.says)
		}
	}
}

func TestDrainingAsksCallersToGoElsewhere(t *testing.T) {
	server := testServer(t)
	server.draining.Store(true)
	recorder := httptest.NewRecorder()
	server.ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "/healthz", nil))
	if recorder.Code != http.StatusOK || recorder.Header().Get("Connection") != "close" {
		t.Errorf("got %d %v", recorder.Code, recorder.Header())
	}
}
