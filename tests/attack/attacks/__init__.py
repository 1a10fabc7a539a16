"""The attacks, by what they attack. Each is a generator: what comes before its ``yield`` prepares it."""
