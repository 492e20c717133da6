"""A model of the Jetson Tegra X1: time, power and noise of the founding study's board, in virtual time.

Not a measurement. Time follows from the layers of the very graph that runs elsewhere, power from the laws that the
board's logs obey; every constant stands in `constants.py` with its source, and `published.py` sets the model against
what others measured.
"""
