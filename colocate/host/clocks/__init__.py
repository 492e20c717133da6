"""Clocks: found, read, pinned."""
