"""The store: what the recorder keeps for good."""
