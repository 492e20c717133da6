"""The runtimes, and which of them work on this machine."""
