"""The knobs of the local machine: clocks, CPUs, child processes, and how they are put back."""
