"""The settings of the local machine: clocks, CPUs and child processes, and how they are restored."""
