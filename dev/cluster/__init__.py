"""A real one-node Kubernetes in namespaces of its own: ``python3 -m dev.cluster --help``."""
