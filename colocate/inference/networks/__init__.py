"""The networks that can be run, and the file of each."""
