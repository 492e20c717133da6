"""The data classes that every package may import. They are frozen and do no input or output."""
