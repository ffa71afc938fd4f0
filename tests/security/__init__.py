"""What an attacker may try, a test each; docs/security.md has the list, with those that stand elsewhere."""
