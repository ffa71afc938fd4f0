"""Fuzzing of every reader of outside bytes: see docs/developer.md, `python -m tests.fuzz -h`."""
