"""The plan of a study, and what its results mean. Pure: no input or output, no clock, no operating system."""
