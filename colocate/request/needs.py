"""Refuse keys and flags that do nothing because another one is missing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Sized

from colocate.errors import SpecError

# Key -> groups of the keys that it needs: without one of each group it does nothing.
Needs = Mapping[str, Sequence[Sequence[str]]]

_TASKS = ("stressors", "commands", "mixes")
_LIMITS = ("slo_ms", "max_slowdown", "power_budget_w", "max_work_loss")
# For the keys of a study. What `percentile` and `confidence` need depends on the limits in force
# (`request.limit_keys`).
STUDY_NEEDS: Needs = {
    **dict.fromkeys(("containment", "segment_ms", *_LIMITS), (_TASKS,)),
    "until": (_LIMITS, _TASKS),
    "budget": (("until",),),
}


def check_needs(given: Mapping[str, object], needs: Needs, named: Callable[[str], str] = str) -> None:
    """Raise SpecError for a key that is `given` without the keys that it `needs`: it would do nothing.

    `named` returns what the user writes for a key.
    """
    for key, groups in needs.items():
        for others in groups if _is_given(given.get(key)) else ():
            if not any(_is_given(given.get(other)) for other in others):
                *before, last = map(named, others)
                choice = " or ".join([", ".join(before), last] if before else [last])
                raise SpecError(f"{named(key)}: it does nothing without {choice}; add that, or leave it out")


def flag_of(key: str) -> str:
    """The flag of a key: `tls_ca_file` -> `--tls-ca-file`."""
    return "--" + key.replace("_", "-")


def _is_given(value: object) -> bool:
    """Whether a value was given: 0 was, but None, False and an empty list or text were not."""
    return value is not None and value is not False and (not isinstance(value, Sized) or len(value) > 0)
