"""Child processes, and signals to this process."""
