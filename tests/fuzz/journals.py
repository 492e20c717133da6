"""Journals that no sweep has written: damaged, or made by somebody who knows how a checksum is made."""

from __future__ import annotations

import hashlib
import json
import random
import re
import stat
from pathlib import Path
from typing import Any

from colocate.errors import ColocateError
from colocate.host.restore import journal
from colocate.host.sysfs import Sysfs
from tests.fuzz.inputs import Input
from tests.fuzz.wrong import HARD, hard

_KNOB = "/sys/devices/system/cpu/cpufreq/policy0/scaling_max_freq"
_BOOT = "/proc/sys/kernel/random/boot_id"
_BOOT_ID = "01234567-89ab-cdef-0123-456789abcdef"
_SOUND: dict[str, Any] = {"boot_id": _BOOT_ID, "knobs": {_KNOB: "1734000"}, "token": "0123456789abcdef"}
_CHANGED, _PRECIOUS = "1000000\n", "precious\n"
_VALUES: tuple[Any, ...] = (
    None, True, 0, -1, 1.5, 10**400, [], {}, [[]], {"a": {}}, "", "0", "1734000\n1", "-1", "9" * 4000, "\0", "nan",
)  # fmt: skip
_PATHS = (
    "/etc/passwd", "/sys/../precious", "../precious", "/precious", "precious", "/sys/devices/system/cpu/cpu0/online",
    f"{_KNOB}/../../../../../../../../precious", "/sys/class/devfreq/link/min_freq", "/sys/class/devfreq/../min_freq",
    "/sys/class/devfreq/a/b/min_freq", "nvml:GPU-0", "/proc/sysrq-trigger", f"{_KNOB}\n", f" {_KNOB}",
)  # fmt: skip


def damaged(random_: random.Random) -> Input:
    """Bytes of a sound journal changed, cut off or added."""
    raw = bytearray(_journal(_SOUND))
    for _ in range(random_.choice((1, 1, 3, 30))):
        at = random_.randrange(len(raw) + 1)
        match random_.randrange(4):
            case 0:
                raw[at : at + 1] = bytes([random_.randrange(256)])
            case 1:
                del raw[at : at + random_.randint(1, 40)]
            case 2:
                raw[at:at] = random_.choice(HARD).encode("utf-8", "surrogatepass")
            case _:
                raw[at:at] = random_.randbytes(random_.randint(1, 40))
    return _input(bytes(raw), wrong=bytes(raw) != _journal(_SOUND))


def forged(random_: random.Random) -> Input:
    """A journal with a good checksum and one thing in it that is none of a journal's."""
    content: Any = {**_SOUND}
    value = random_.choice((*_VALUES, hard(random_)))
    match random_.randrange(6):
        case 0:
            content["knobs"] = {random_.choice(_PATHS): random_.choice(("1", "1734000"))}
        case 1:
            content["knobs"] = {_KNOB: value}
        case 2:
            content["knobs"] = random_.choice(_VALUES)
        case 3:
            content["boot_id"] = value
        case 4:
            content = random_.choice((*_VALUES, {**_SOUND, "more": 1}, {"token": "a"}, _deep(random_)))
        case _:
            content["knobs"] = {_KNOB: _deep(random_)}
    return _input(_journal(content), wrong=not _is_sound(content))


def _is_sound(content: Any) -> bool:
    """Whether it does no harm: a clock of any number, none at all, or no id of the boot."""
    if not isinstance(content, dict) or content.keys() != _SOUND.keys() or content["boot_id"] not in (_BOOT_ID, None):
        return False
    knobs = content["knobs"]
    value = knobs.get(_KNOB) if isinstance(knobs, dict) and len(knobs) == 1 else None
    return knobs == {} or (isinstance(value, str) and re.fullmatch(r"[0-9]{1,15}", value) is not None)


def _deep(random_: random.Random) -> Any:
    value: Any = 0
    for _ in range(random_.choice((3, 100, 900))):
        value = [value] if random_.random() < 0.5 else {"a": value}
    return value


def _journal(content: object) -> bytes:
    body = json.dumps(content, sort_keys=True).encode()
    return f"colocate-journal {journal.VERSION} {hashlib.sha256(body).hexdigest()}\n".encode() + body


def _input(raw: bytes, *, wrong: bool) -> Input:
    files = {
        "state/journal": raw,
        f"root{_KNOB}": _CHANGED.encode(),
        f"root{_BOOT}": _BOOT_ID.encode(),
        "root/precious": _PRECIOUS.encode(),
        "precious": _PRECIOUS.encode(),
    }
    return Input(files=files, wrong=wrong, run=_restored)


def _restored(folder: Path) -> int:
    """Restore from it. A journal that is refused must leave everything as it is."""
    (folder / "state").chmod(stat.S_IRWXU)
    (folder / "state/journal").chmod(stat.S_IRUSR | stat.S_IWUSR)
    devfreq = folder / "root/sys/class/devfreq"
    devfreq.mkdir(parents=True)
    (folder / "outside").mkdir()
    (folder / "outside/min_freq").write_text(_PRECIOUS)
    (devfreq / "link").symlink_to(folder / "outside")
    try:
        journal.restore(Sysfs(folder / "root"), folder / "state")
    except ColocateError:
        assert (folder / f"root{_KNOB}").read_text() == _CHANGED, "a journal that is refused changed a knob"
        raise
    finally:
        for path in ("precious", "root/precious", "outside/min_freq"):
            assert (folder / path).read_text() == _PRECIOUS, "a journal reached out of the knobs"
    return 0
