"""Settings for every test."""

from __future__ import annotations

import signal

from hypothesis import settings

# A test must not fail because the machine was busy: no deadlines, and the same examples on each run of CI.
settings.register_profile("colocate", deadline=None, derandomize=True, max_examples=60)
settings.load_profile("colocate")

# Whoever started the tests may ignore signals (nohup, a background job), and children would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
signal.signal(signal.SIGTERM, signal.SIG_DFL)
