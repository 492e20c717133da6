"""The process that infers, or has a user's program infer. It imports itself, the child contract, numpy and its
runtime, and nothing else of colocate: it may run under another Python than the process that started it.
"""
