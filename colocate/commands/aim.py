"""The flags that say what makes one setting of a network better than another."""

from __future__ import annotations

import argparse
import contextlib
from typing import Any

from colocate.commands.common_arguments import Flags, number


def _limit_s(text: str) -> float:
    with contextlib.suppress(argparse.ArgumentTypeError):
        if (limit_s := number(text) * 1e-3) > 0:
            return limit_s
    raise argparse.ArgumentTypeError(f"a limit is a positive number of milliseconds, not {text!r}")


AIM_FLAGS: Flags = {
    "latency_limit_ms": {
        "dest": "latency_limit_s",
        "type": _limit_s,
        "metavar": "X",
        "help": "what a latency may be, in ms (default: no limit)",
    },
    "percentile": {
        "dest": "aim_percentile",
        "choices": ("p50", "p99"),
        "help": "of the latencies, which the limit is for (default: p99)",
    },
    "utility": {
        "choices": ("within", "fading"),
        "help": "what a latency beyond the limit is worth (default: within)",
    },
}


def aim_of(arguments: argparse.Namespace) -> dict[str, Any]:
    """The fields of an Aim that are given as flags."""
    given = vars(arguments)
    aim = {key: given[key] for key in ("latency_limit_s", "utility") if key in given}
    return aim | ({"quantile": f"{given['aim_percentile']}_s"} if "aim_percentile" in given else {})
