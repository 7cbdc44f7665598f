"""Experiments: what a challenger must go through before it serves. Pure."""
