"""PURE: what to run and what it means. No input or output, no clock, no os."""
