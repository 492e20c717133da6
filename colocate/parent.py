"""How a process ends with the one that started it, under any Python from 3.6 on."""

import ctypes
import signal

# Loaded here: the less is left to do after a fork the better.
_LIBC = ctypes.CDLL(None)
_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def end_with_parent(signum: signal.Signals) -> None:
    """From now on this process gets the signal when its parent ends. One that has ended before sends none, so ask
    `os.getppid` afterwards.
    """
    _LIBC.prctl(_PR_SET_PDEATHSIG, signum)
