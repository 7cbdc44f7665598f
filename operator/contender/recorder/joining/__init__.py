"""Joining: what answers and truths say together. Pure."""
