"""Seeds that found something, each with what it was. They are played first."""

SEEDS: dict[int, str] = {}
