"""A model of the Jetson Tegra X1: time, power and noise of the founding study's board, in virtual time.

Nothing here is measured. Time follows from the layers of the same graph that real runtimes load, power from laws that
the board's logs obey. Every constant is in `constants.py` with its source. `published.py` compares the model with
what others measured.
"""
