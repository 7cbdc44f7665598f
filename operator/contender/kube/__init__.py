"""A thin client of the API server: requests, watches, errors. It knows nothing of models."""
