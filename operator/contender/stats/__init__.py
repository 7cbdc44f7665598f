"""Statistics: numbers in, evidence out. Pure, and valid however often one looks."""
