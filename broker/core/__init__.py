"""The room authority: pure. What it does depends on the log alone."""
