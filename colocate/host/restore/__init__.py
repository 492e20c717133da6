"""Leaving the machine as it was: former values go to a journal before the first write, and are restored whatever
happens.
"""
