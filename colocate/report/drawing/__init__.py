"""Paper, colours and files of all figures."""
