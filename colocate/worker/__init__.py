"""The process that runs a network, or starts the user's program that does. It may run under another Python than its
parent, so of colocate it imports only this package and the version, besides `cpu_workloads`, numpy and its runtime.
"""
