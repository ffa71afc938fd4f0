"""Durable storage: `base` says what, `sqlite` does it."""
