"""Flags that say what makes one setting of a network better than another."""

from __future__ import annotations

import argparse
from typing import Any

from colocate.commands.common_arguments import Flags
from colocate.commands.limit_changes import limit_changes
from colocate.commands.study_flags import LIMIT_FLAGS
from colocate.model.limits import parse_percentile

UTILITY_FLAG: Flags = {
    "utility": {
        "choices": ("within", "fading"),
        "help": "what a setting that misses the latency limit is worth: nothing (within), or less the later it is "
        "(fading)",
        "otherwise": "within",
    },
}
AIM_FLAGS: Flags = {
    "slo_ms": LIMIT_FLAGS["slo_ms"],
    "percentile": {
        "type": parse_percentile,
        "metavar": "P",
        "help": "of the latency that the limit is for: p50, p95 or p99",
        "otherwise": "p99",
    },
    "power_budget_w": LIMIT_FLAGS["power_budget_w"],
    **UTILITY_FLAG,
}


def aim_of(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the fields of an `Aim` that are given as flags."""
    from colocate.request.aim_keys import aim_fields

    return aim_fields(limit_changes(arguments)) | utility_of(arguments)


def utility_of(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the field `utility` of an `Aim` if its flag is given, else nothing."""
    return {"utility": arguments.utility} if "utility" in vars(arguments) else {}
