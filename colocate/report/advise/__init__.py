"""Verdicts under limits, and what to choose."""
