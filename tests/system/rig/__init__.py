"""Processes and clients for tests of the whole system."""
