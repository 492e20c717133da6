"""Settings for every test."""

from __future__ import annotations

from hypothesis import settings

# A test must not fail because the machine was busy: no deadlines, and the same examples on each run of CI.
settings.register_profile("colocate", deadline=None, derandomize=True, max_examples=60)
settings.load_profile("colocate")
