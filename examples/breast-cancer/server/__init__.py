"""A small HTTP server for a linear classifier: the standard library and nothing else."""
