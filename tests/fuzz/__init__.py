"""Malformed inputs by the thousand, each in bounded memory and time.

`python -m tests.fuzz --count 20000 --seed 1` is the long campaign; `test_campaign.py` runs a part of it.
A generator is a function from a `random.Random` to an `Input`; the list of them is `kinds.py`.
"""
