"""The clocks of CPU, GPU and memory: how they are found, read and pinned."""
