"""Machines (boards) that share a study through Dask: what runs on each, and what hands out the blocks."""
