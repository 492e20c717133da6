"""CPUs: how they are reserved for child processes, limited and watched."""
