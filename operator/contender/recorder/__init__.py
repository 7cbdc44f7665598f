"""The recorder: keeps what every arm answered, joined with the truth."""
