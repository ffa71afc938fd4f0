"""Real brokers for tests, each a process on loopback ports the system gave, ending with the test."""
