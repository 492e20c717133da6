"""Which tasks are safe under limits, and which choice is best."""
