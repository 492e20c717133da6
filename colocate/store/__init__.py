"""What is stored of a run: one run is one SQLite file."""
