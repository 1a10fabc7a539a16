"""Attacks from outside on a running system, one after the other, while honest clients are served."""
