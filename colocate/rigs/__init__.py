"""Rigs: whatever can run one trial, this machine or a model of one."""
