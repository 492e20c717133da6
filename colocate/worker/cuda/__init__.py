"""What runtimes on an NVIDIA GPU share: its context, memory, streams and graphs, and what to do about CUDA's
errors.
"""
