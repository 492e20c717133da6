"""Which tasks are safe beside a network under limits, and which choice is best."""
