"""Benches: what the operator costs, beside what the same work costs without it."""
