"""What runtimes on an NVIDIA GPU share: its context, memory, streams and graphs, and what CUDA's errors ask for."""
