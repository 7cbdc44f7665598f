"""The pure core: what should exist, what must be written, what status says. No I/O, no clock."""
