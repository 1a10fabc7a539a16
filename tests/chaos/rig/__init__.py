"""Guests, faults, and who judges what they saw."""
