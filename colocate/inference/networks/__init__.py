"""Which networks there are, and the file behind each."""
