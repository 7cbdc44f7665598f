"""Reports: what an Experiment has shown, for a terminal, as a page, and sealed. Pure."""
