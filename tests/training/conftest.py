"""Tests of what needs torch, where it can be imported; the extra `training` brings it."""

from __future__ import annotations

import importlib.util

_WITH_TORCH = (
    "networks/test_*",
    "test_backend.py",
    "test_data.py",
    "test_first_step.py",
    "test_look.py",
    "test_meeting.py",
    "test_rank.py",
    "test_trainer.py",
)
collect_ignore_glob = [] if importlib.util.find_spec("torch") else _WITH_TORCH
