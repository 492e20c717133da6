"""Child processes, and signals to this one."""
