"""Which runs a folder holds."""
