"""A real one-node Kubernetes in a network namespace of its own; see ``python3 -m dev.cluster --help``."""
