"""The process that infers. It imports itself, the child contract, numpy and its runtime, and nothing else of
colocate: it may run under another Python than the process that started it.
"""
