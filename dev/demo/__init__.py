"""``make demo``: from nothing to predictions, an update while it is watched, and a way out."""
