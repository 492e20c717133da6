"""Keys and flags that do nothing without another: where that is missing they are refused, not passed over."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Sized

from colocate.errors import SpecError

# What does nothing by itself -> what it needs: of each of these groups at least one.
Needs = Mapping[str, Sequence[Sequence[str]]]

_TASKS = ("stressors", "commands", "mixes")
_LIMITS = ("slo_ms", "max_slowdown", "power_budget_w", "max_work_loss")
# Of the keys of a study; what `percentile` and `confidence` need is for the limits in force (`request.limit_keys`).
STUDY_NEEDS: Needs = {
    **dict.fromkeys(("containment", "segment_ms", *_LIMITS), (_TASKS,)),
    "until": (_LIMITS, _TASKS),
    "budget": (("until",),),
}


def check_needs(given: Mapping[str, object], needs: Needs, named: Callable[[str], str] = str) -> None:
    """Raise SpecError for what is `given` and does nothing, as nothing is given that it `needs`. `named` is how the
    user writes a key.
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
    """Whether a value says anything; 0 does, and an empty list does not."""
    return value is not None and value is not False and (not isinstance(value, Sized) or len(value) > 0)
