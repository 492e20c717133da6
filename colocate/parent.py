"""End a process when its parent ends, under any Python from 3.6 on."""

import ctypes
import signal

# Loaded here, because little should be left to do after a fork.
_LIBC = ctypes.CDLL(None)
_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def end_with_parent(signum: signal.Signals) -> None:
    """Have the kernel send `signum` to this process when its parent ends (prctl(2), PR_SET_PDEATHSIG).

    If the parent had already ended, no signal comes: check `os.getppid` afterwards.
    """
    _LIBC.prctl(_PR_SET_PDEATHSIG, signum)
