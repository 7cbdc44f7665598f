"""``make demo``: from nothing to predictions, a challenger that takes its place, and a way out."""
