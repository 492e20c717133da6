"""Leaving the machine as it was: what is written is journaled first and put back whatever happens."""
