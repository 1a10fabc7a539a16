"""Everything of python-engineio that we replace. Each file says what it replaces, and why.

Pinned to engineio 4.15.1; tests/gateway covers each.
"""
