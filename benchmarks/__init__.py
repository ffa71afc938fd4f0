"""What is measured, and how: every figure is a ratio against a named peer, both timed in turns in one run."""
