"""Figures and tables for runs on the model of the Tegra X1, or on the board itself."""
