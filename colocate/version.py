"""The version of colocate, in its one place."""

__version__ = "0.1.0"
