package main

import (
	"fmt"
	"strconv"
	"time"
)

// settings are what the environment may say; the README of the Python example describes them.
type settings struct {
	host         string
	port         int
	modelFile    string
	modelURI     string
	modelVersion string
	burn         time.Duration
	drainQuiet   time.Duration
	drainLimit   time.Duration
	logRequests  bool
}

func settingsFrom(getenv func(string) string) (settings, error) {
	var firstErr error
	number := func(name, fallback string, most float64) float64 {
		text := orDefault(getenv(name), fallback)
		value, err := strconv.ParseFloat(text, 64)
		if (err != nil || !(value >= 0 && value <= most)) && firstErr == nil {
			firstErr = fmt.Errorf("%s is %q: give a number from 0 to %g", name, text, most)
		}
		return value
	}
	scaled := func(value float64, unit time.Duration) time.Duration {
		return time.Duration(value * float64(unit))
	}
	port := number("PORT", "8080", 65535)
	if port != float64(int(port)) && firstErr == nil {
		firstErr = fmt.Errorf("PORT is %g: give a whole number", port)
	}
	requests := getenv("LOG_REQUESTS")
	return settings{
		host:         getenv("HOST"),
		port:         int(port),
		modelFile:    orDefault(getenv("MODEL_FILE"), "/model.json"),
		modelURI:     getenv("MODEL_URI"),
		modelVersion: getenv("MODEL_VERSION"),
		burn:         scaled(number("BURN_MS", "0", 10_000), time.Millisecond),
		drainQuiet:   scaled(number("DRAIN_QUIET_SECONDS", "3", 3600), time.Second),
		drainLimit:   scaled(number("DRAIN_LIMIT_SECONDS", "20", 3600), time.Second),
		logRequests:  requests == "1" || requests == "true",
	}, firstErr
}

func orDefault(text, fallback string) string {
	if text == "" {
		return fallback
	}
	return text
}
