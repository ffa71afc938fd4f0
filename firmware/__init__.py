"""The terminal in the car."""
