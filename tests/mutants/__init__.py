"""Planted bugs: `python -m tests.mutants` (make mutants) applies each to a copy of the tree and asks which
check finds it."""
