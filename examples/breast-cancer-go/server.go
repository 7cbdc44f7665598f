package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

const (
	maxBodyBytes   = 1 << 20
	discardBytes   = 8 << 20 // how much of a refused body is still taken in
	requestTimeout = 30 * time.Second
)

var methods = map[string][]string{
	"/predict": {http.MethodPost},
	"/healthz": {http.MethodGet, http.MethodHead},
	"/livez":   {http.MethodGet, http.MethodHead},
}

type modelServer struct {
	settings settings
	model    *linearModel
	logger   *slog.Logger
	http     *http.Server
	draining atomic.Bool
	open     atomic.Int64 // connections
}

// drain stops without losing a request, once draining is set. Callers may not know yet that this server is leaving. So
// for a while it accepts as before, and asks each caller by "Connection: close" to go elsewhere.
// Those accepted last get as long to be answered: Shutdown alone would cut some of them off (seen
// under load). The connections still open then have been silent for that while and are closed.
func (s *modelServer) drain(listener net.Listener, served <-chan error) error {
	deadline := time.Now().Add(s.settings.drainLimit)
	quiet := min(s.settings.drainQuiet, s.settings.drainLimit/2)
	time.Sleep(quiet)
	_ = listener.Close() // the one possible error is that it is closed already
	<-served
	for until := time.Now().Add(quiet); s.open.Load() > 0 && time.Now().Before(until); {
		time.Sleep(10 * time.Millisecond)
	}
	ctx, cancel := context.WithDeadline(context.Background(), deadline)
	defer cancel()
	return s.http.Shutdown(ctx)
}

// countOpen keeps the number of open connections.
func (s *modelServer) countOpen(_ net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		s.open.Add(1)
	case http.StateClosed, http.StateHijacked:
		s.open.Add(-1)
	}
}

func (s *modelServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	status, document := http.StatusOK, any(nil)
	result, err := s.route(w, r)
	var refusal *problem
	switch {
	case err == nil:
		document = result
	case errors.As(err, &refusal):
		status, document = refusal.Status, refusal
		if refusal.allow != "" {
			w.Header().Set("Allow", refusal.allow)
		}
	default:
		w.Header().Set("Connection", "close")
		status = http.StatusBadRequest
		document = badRequest("send the whole body", "the body cannot be read: %v", err)
	}
	s.write(w, status, document)
	if s.settings.logRequests {
		s.logger.Info("request", "method", r.Method, "path", r.URL.Path, "status", status)
	}
}

func (s *modelServer) route(w http.ResponseWriter, r *http.Request) (any, error) {
	body, err := readBody(w, r)
	if err != nil {
		return nil, err
	}
	allowed, ok := methods[r.URL.Path]
	if !ok {
		return nil, &problem{
			Status: http.StatusNotFound,
			Reason: fmt.Sprintf("there is no %s here", r.URL.Path),
			Hint:   "POST /predict, GET /healthz or GET /livez",
		}
	}
	if !slices.Contains(allowed, r.Method) {
		return nil, &problem{
			Status: http.StatusMethodNotAllowed,
			Reason: fmt.Sprintf("%s does not work on %s", r.Method, r.URL.Path),
			Hint:   "use " + allowed[0],
			allow:  strings.Join(allowed, ", "),
		}
	}
	if r.URL.Path == "/predict" {
		burn(s.settings.burn)
		return predict(s.model, body)
	}
	// Also while draining: Kubernetes has taken a leaving pod out of the Service by then, and
	// falls back to leaving pods that are still ready when there is no other.
	return map[string]string{"status": "ok", "version": s.model.version}, nil
}

func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if r.ContentLength > maxBodyBytes {
		return nil, tooLarge(w, r)
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBodyBytes+1))
	if len(body) > maxBodyBytes {
		return nil, tooLarge(w, r)
	}
	return body, err
}

func tooLarge(w http.ResponseWriter, r *http.Request) error {
	w.Header().Set("Connection", "close")
	if r.Header.Get("Expect") == "" {
		// The sender is sending already: it reads the answer only once it is done.
		_, _ = io.CopyN(io.Discard, r.Body, discardBytes)
	}
	return &problem{
		Status: http.StatusRequestEntityTooLarge,
		Reason: fmt.Sprintf("the body is larger than %d bytes", maxBodyBytes),
		Hint:   "send fewer rows per request",
	}
}

func (s *modelServer) write(w http.ResponseWriter, status int, document any) {
	content, err := json.Marshal(document)
	if err != nil {
		s.logger.Error("request failed", "reason", err.Error())
		status, content = http.StatusInternalServerError, []byte(`{"error":"the server failed","hint":"its log says why"}`)
	}
	content = append(content, '\n')
	header := w.Header()
	header.Set("Content-Type", "application/json")
	header.Set("Content-Length", strconv.Itoa(len(content)))
	if s.draining.Load() {
		header.Set("Connection", "close")
	}
	w.WriteHeader(status)
	_, _ = w.Write(content) // a caller that went away is no error of ours
}
