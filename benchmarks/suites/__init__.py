"""The suites: each has `NAME`, `ABOUT` and `run(bench)`, which gives figures to `bench`."""
