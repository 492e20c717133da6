"""What can go wrong in a worker; its parent makes one of its own errors of the line on stderr."""

from __future__ import annotations


class WorkerError(Exception):
    """The runtime, its GPU or its files refuse; the message is one line that is meant for the user."""
