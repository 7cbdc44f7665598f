"""Contender: a Kubernetes operator on which models earn production."""

__version__ = "0.1.0"
