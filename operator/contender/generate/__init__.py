"""Writes the files that follow from the code: CRDs, RBAC, the field reference."""
