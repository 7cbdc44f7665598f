"""All that touches the API server: Kopf, caches, queue, gather, apply, write."""
