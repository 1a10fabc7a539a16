"""The benchmark: how fast the system is, and what it costs. See ``python -m tests.bench --help``."""
