"""Which background tasks may share the CPU with a GPU network, and how sure we are."""

__version__ = "0.1.0"
