"""What is done with a board that has its program: who it is, whether it works, what stands on it."""
