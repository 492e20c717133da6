"""Study files: sound ones with a wrong value, trees of any shape, and bytes changed at random."""

from __future__ import annotations

import functools
import json
import random
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from colocate.request.study_file import study_file
from colocate.request.study_keys import StudyKeys
from tests.fuzz.inputs import Input
from tests.fuzz.wrong import HARD, NO_NUMBER, hard

_ARGUMENTS = ("sweep", "study.toml", "--dry-run")
_EXAMPLES = Path(__file__).parents[2] / "examples"
# A sound study of the model, which needs no machine; each key has a value of its own kind.
_SOUND: dict[str, Any] = {
    "rig": "tx1-model", "networks": ["alexnet"], "stressors": ["bitcount"], "cpu_clocks": ["high"],
    "gpu_clocks": [998.4], "repeats": 2, "window": 1.0, "warmup": 0.1, "settle": 0.1, "seed": 1, "slo_ms": 30.0,
    "max_slowdown": 1.2, "power_budget_w": 9.0, "max_work_loss": 0.5, "confidence": 0.9, "design": "steady",
    "placement": ["isolated"], "precision": "fp16", "model": {"contention": 1.0}, "containment": ["none"],
}  # fmt: skip
_NUMBERS = ("repeats", "window", "warmup", "settle", "seed", "slo_ms", "max_slowdown", "power_budget_w",
            "max_work_loss", "confidence", "batch", "period_ms", "segment_ms", "max_start_temp")  # fmt: skip
# What no key of a number takes.
_NO_NUMBERS: tuple[Any, ...] = (
    *NO_NUMBER,
    True,
    False,
    float("nan"),
    float("inf"),
    [],
    {},
    [1],
    {"a": 1},
    10**4000,
    -(10**30),
    "5",
)
_TABLES = ("commands", "pipelines", "mixes", "shapes", "inputs", "model")


def values(random_: random.Random) -> Input:
    """A sound study in which a key has a value that it cannot have, or a hard one."""
    keys: dict[str, Any] = {**_SOUND}
    value: object
    wrong = False
    for _ in range(random_.choice((1, 1, 2))):
        if random_.random() < 0.5:
            wrong, key, value = True, random_.choice(_NUMBERS), random_.choice(_NO_NUMBERS)
        else:
            key = random_.choice([*StudyKeys.__dataclass_fields__])
            value = random_.choice((hard(random_), [hard(random_)], {hard(random_): hard(random_)}, _deep(random_)))
        keys[key] = value
    return Input(_ARGUMENTS, {"study.toml": _text(keys)}, wrong=wrong)


def trees(random_: random.Random) -> Input:
    """Any tree below the keys of a study, as hypothesis grows it."""
    keys = {**_SOUND, **_drawn(random_.getrandbits(32))}
    return Input(_ARGUMENTS, {"study.toml": _text(keys)})


def mutated(random_: random.Random) -> Input:
    """The bytes of an example, or of a sound study, changed in a few places."""
    raw = bytearray(random_.choice((*_examples(), _text(_SOUND))))
    for _ in range(random_.choice((1, 1, 2, 8, 64))):
        at = random_.randrange(len(raw) + 1)
        match random_.randrange(5):
            case 0:
                raw[at : at + 1] = bytes([random_.randrange(256)])
            case 1:
                del raw[at : at + random_.randint(1, 20)]
            case 2:
                raw[at:at] = random_.choice(HARD).encode("utf-8", "surrogatepass")
            case 3:
                other = random_.randrange(len(raw) + 1)
                raw[at:at] = raw[other : other + random_.randint(1, 40)]
            case _:
                raw[at:at] = random_.choice(
                    (b"\xff", b"\xef\xbb\xbf", b"\x00", b"[", b"{", b'"', b"'''", b"\n", b"=")
                )
    return Input((*_ARGUMENTS, "--rig", "tx1-model"), {"study.toml": bytes(raw)})


def _deep(random_: random.Random) -> object:
    value: object = random_.choice((0, "x", True, []))
    for _ in range(random_.choice((3, 30, 300))):
        value = [value] if random_.random() < 0.5 else {"a": value}
    return value


@functools.cache
def _examples() -> tuple[bytes, ...]:
    return tuple(path.read_bytes() for path in sorted(_EXAMPLES.rglob("*.toml")))


def _scalars() -> st.SearchStrategy[Any]:
    text = st.one_of(st.sampled_from(HARD), st.text(max_size=20))
    return st.one_of(text, st.integers(), st.floats(), st.booleans())


def _keys() -> st.SearchStrategy[dict[str, Any]]:
    tree = st.recursive(
        _scalars(),
        lambda inside: st.one_of(st.lists(inside, max_size=3), st.dictionaries(_names(), inside, max_size=3)),
        max_leaves=8,
    )
    table = st.dictionaries(_names(), st.one_of(tree, st.dictionaries(_names(), tree, max_size=4)), max_size=3)
    keys = st.dictionaries(st.sampled_from([*StudyKeys.__dataclass_fields__]), tree, min_size=1, max_size=3)
    tables = st.dictionaries(st.sampled_from(_TABLES), table, max_size=2)
    return st.builds(lambda first, second: {**first, **second}, keys, tables)


def _names() -> st.SearchStrategy[str]:
    known = (
        "argv", "command", "shell", "run", "ready", "line", "after_s", "progress", "copies", "prepare", "cleanup",
        "environment", "directory", "user", "pause", "latency", "latency_unit", "ready_s", "network", "backend", "a",
    )  # fmt: skip
    return st.one_of(st.sampled_from(known), st.text(max_size=6), st.sampled_from(HARD))


_strategy = _keys()


def _drawn(number: int) -> dict[str, Any]:
    """One example of the strategy, always the same for a number. The first few are the simplest there are."""
    found: list[dict[str, Any]] = []

    @seed(number)
    @settings(max_examples=6, database=None, deadline=None, phases=[Phase.generate], derandomize=False,
              suppress_health_check=[*HealthCheck])  # fmt: skip
    @given(_strategy)
    def collect(keys: dict[str, Any]) -> None:
        found.append(keys)

    collect()
    return found[-1]


def _text(keys: dict[str, Any]) -> bytes:
    # A text that UTF-8 cannot hold is written as far as it can.
    try:
        text = study_file(keys)
    except (ValueError, RecursionError):
        text = json.dumps({key: repr(value)[:100] for key, value in keys.items()})
    return text.encode("utf-8", "surrogatepass")
