"""How each process is set up, started, probed and stopped."""
