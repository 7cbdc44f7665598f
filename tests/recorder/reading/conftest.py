"""The same examples at every run; `--hypothesis-profile explore` looks for new ones."""

from hypothesis import settings

settings.register_profile("same", derandomize=True, deadline=None, max_examples=80)
settings.register_profile("explore", deadline=None, max_examples=800)
settings.load_profile("same")
