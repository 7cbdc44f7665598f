// Command breast-cancer-go serves a linear classifier over HTTP: the same API, behaviour and
// coefficients as the Python example beside it, with the standard library alone.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

func main() {
	os.Exit(run())
}

func run() int {
	started := time.Now()
	logger := newLogger()
	ctx, release := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer release()

	settings, err := settingsFrom(os.Getenv)
	if err != nil {
		return cannotStart(logger, err)
	}
	model, err := loadModel(settings)
	if err != nil {
		return cannotStart(logger, err)
	}
	listener, err := net.Listen("tcp", net.JoinHostPort(settings.host, fmt.Sprint(settings.port)))
	if err != nil {
		return cannotStart(logger, err)
	}

	server := newServer(settings, model, logger)
	served := make(chan error, 1)
	go func() { served <- server.http.Serve(listener) }()
	logger.Info("serving",
		"port", listener.Addr().(*net.TCPAddr).Port,
		"version", model.version,
		"source", model.source,
		"milliseconds", time.Since(started).Milliseconds())

	select {
	case err := <-served:
		logger.Error("cannot accept connections", "reason", err.Error())
		return 1
	case <-ctx.Done():
	}
	server.draining.Store(true) // first: who reads the line may count on it
	logger.Info("stopping")
	if err := server.drain(listener, served); err != nil {
		logger.Error("stopped with connections still busy", "reason", err.Error())
		return 1
	}
	logger.Info("stopped")
	return 0
}

func cannotStart(logger *slog.Logger, err error) int {
	logger.Error("cannot start", "reason", err.Error())
	return 2
}

// newLogger writes lines with the same names and spellings as the Python example.
func newLogger() *slog.Logger {
	rename := func(_ []string, attr slog.Attr) slog.Attr {
		switch attr.Key {
		case slog.MessageKey:
			attr.Key = "message"
		case slog.LevelKey:
			attr.Value = slog.StringValue(strings.ToLower(attr.Value.String()))
		}
		return attr
	}
	return slog.New(slog.NewJSONHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: rename}))
}

// newServer wires the routes; drain stops it.
func newServer(settings settings, model *linearModel, logger *slog.Logger) *modelServer {
	server := &modelServer{settings: settings, model: model, logger: logger}
	// HTTP/2 without TLS, too: what `protocol: H2C` of a ModelDeployment asks for.
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	server.http = &http.Server{
		Handler:           server,
		Protocols:         protocols,
		ConnState:         server.countOpen,
		ReadHeaderTimeout: requestTimeout,
		ReadTimeout:       requestTimeout,
		// Longer than the hour that proxies keep unused connections: they close first, and no
		// request meets a closing connection.
		IdleTimeout: 65 * time.Minute,
		ErrorLog:    slog.NewLogLogger(logger.Handler(), slog.LevelError),
	}
	return server
}
