"""Tests of the compose file on a real engine: one stack for all of them."""
