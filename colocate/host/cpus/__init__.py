"""CPUs: set apart for children, and watched."""
