"""The process that runs a network, or starts the user's program that does. It may run under another Python than its
parent. So it imports only this package, the version of colocate, `cpu_workloads`, numpy and its runtime.
"""
