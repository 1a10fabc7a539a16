"""A whole cluster in one process, under virtual time, from a seed."""
