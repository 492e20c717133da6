"""Numbers, names and tables: one formatter for each concept."""
