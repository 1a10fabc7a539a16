"""Which broker speaks, and what it says and answers."""
