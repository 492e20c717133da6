"""What figures say in words: names made safe and short, numbers, and the circumstances of a run."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath

from colocate.store import Header
from colocate.study.interference import SOLO
from colocate.study.model import Cell, ClockPoint, HostFacts, Inference, TrialRecord

NAME_LIMIT = 26
LINE_LIMIT = 76

# The constant of a model that no source gives, and that every slowdown depends on.
CONTENTION = "contention"

# What a reader must know before the numbers. A rig that is not listed is a machine.
_RIG_WORDS = {"tx1-model": "MODEL of a Tegra X1, not a measurement"}


@dataclass(frozen=True, slots=True)
class Caption:
    """What stands over every figure of a run: the rig, and how it was measured in short phrases."""

    rig: str
    circumstances: tuple[str, ...]


def caption_of(header: Header, cells: Sequence[Cell], records: Sequence[TrialRecord]) -> Caption:
    """The Caption of a run with `records` on the disk."""
    beside = [cell for cell in cells if cell.stressor != SOLO]
    blocks = sorted({cell.blocks for cell in beside or cells}) or [0]
    span = f"{blocks[0]}" if len(blocks) == 1 else f"{blocks[0]} to {blocks[-1]}"
    phrases = [f"{span} block{'' if span == '1' else 's'}", f"windows of {_window_words(header, records)} s"]
    # Whether it was set or not.
    phrases += filter(None, [assumption_words(header)])
    phrases += [f"assuming {name} = {value:g}" for name, value in header.spec.model if name != CONTENTION]
    if header.facts.confinement.startswith(("cgroup", "affinity")):
        phrases.append(header.facts.confinement)
    if header.spec.until_decided:
        phrases.append(f"until decided: {len(records)} trials")
    elif unfinished := unfinished_words(header, len(records)):
        phrases.append(unfinished)
    phrases += [
        quality for values in _qualities_seen(inferences_of(cells)) if len(values) == 1 and (quality := values.pop())
    ]
    return Caption(_rig_words(header.facts), tuple(phrases))


def unfinished_words(header: Header, done: int) -> str:
    """How far a run with `done` trials has come; empty where all are done, or it is for the data to say."""
    if header.spec.until_decided or done >= header.planned:
        return ""
    return f"unfinished: {done} of {header.planned} trials"


def model_words(facts: HostFacts) -> str | None:
    """What a reader must know of a rig that is a model; None for a machine."""
    return _RIG_WORDS.get(facts.rig)


def _window_words(header: Header, records: Sequence[TrialRecord]) -> str:
    """How long the windows asked for were in fact: a machine ends one with an inference, a model may lengthen it."""
    elapsed_s = [record.elapsed_s for record in records] or [header.spec.window_s]
    shortest, longest = (
        f"{round(seconds, 1 if seconds < 100 else None):g}" for seconds in (min(elapsed_s), max(elapsed_s))
    )
    return shortest if shortest == longest else f"{shortest} to {longest}"


def _rig_words(facts: HostFacts) -> str:
    return shortened(f"{facts.rig}: {_RIG_WORDS.get(facts.rig, machine_words(facts))}", LINE_LIMIT)


def machine_words(facts: HostFacts) -> str:
    """What the networks may have run on: `NVIDIA H200, Intel(R) Xeon(R) Processor`."""
    return ", ".join((*dict.fromkeys(facts.gpus), facts.cpu_model))


def assumption_words(header: Header) -> str | None:
    """`assuming contention = 1`: what the size of every slowdown rests on; None for a machine."""
    values = {row["name"]: row["value"] for row in header.provenance.get("constants", ())}
    return f"assuming {CONTENTION} = {values[CONTENTION]:g}" if CONTENTION in values else None


def clocks_label(cell: Cell) -> str:
    """`1734/998.4 MHz` for CPU and GPU, or `native`."""
    return clocks_text(cell.clocks)


def clocks_text(point: ClockPoint) -> str:
    """See `clocks_label`."""
    clocks = (point.cpu_hz, point.gpu_hz)
    if clocks == (None, None):
        return "native"
    return "/".join("native" if hz is None else f"{hz / 1e6:g}" for hz in clocks) + " MHz"


def inferences_of(cells: Sequence[Cell]) -> list[Inference]:
    """Every network and way to run it, in the order of `cells`."""
    return list(dict.fromkeys(cell.inference for cell in cells))


def tasks_of(cells: Sequence[Cell]) -> list[str]:
    """Every stressor in the order of `cells`, the solo baseline first."""
    return sorted(dict.fromkeys(cell.stressor for cell in cells), key=lambda name: name != SOLO)


def placements_of(cells: Sequence[Cell]) -> list[str]:
    """Every placement in the order of `cells`."""
    return list(dict.fromkeys(cell.placement for cell in cells))


def task_label(name: str) -> str:
    """A stressor's name for a heading; the solo baseline is `alone`."""
    return "alone" if name == SOLO else shortened(name)


def inference_label(inference: Inference, among: Sequence[Inference]) -> tuple[str, str]:
    """Name and qualities of a network, as far as `among` differ in them: `alexnet` and `fp16, batch 8`."""
    told = zip(_qualities(inference), _qualities_seen(among), strict=True)
    return network_label(inference.network, among), ", ".join(
        quality for quality, seen in told if quality and len(seen) > 1
    )


def network_label(network: str, among: Sequence[Inference]) -> str:
    """A network's name for a heading: of a file its own without folder and ending, where no other is called so."""
    names = {each.network: PurePath(each.network).stem if is_file(each.network) else each.network for each in among}
    own = names.get(network, network)
    return shortened(own if list(names.values()).count(own) == 1 else network)


def is_file(network: str) -> bool:
    """Whether this network is a file of the user's, by its path."""
    return network.endswith(".onnx")


def clocks_words(cell: Cell) -> str:
    """The clock point of `cell`: `native clocks`, or `1734/998.4 MHz (CPU/GPU)`."""
    label = clocks_label(cell)
    return "native clocks" if label == "native" else f"{label} (CPU/GPU)"


def clock_label(hz: int | None) -> str:
    """A clock in MHz for a tick, or `native`."""
    return "native" if hz is None else f"{hz / 1e6:g}"


def _qualities(inference: Inference) -> tuple[str, ...]:
    # What is the usual way has no words: the unusual stands out.
    return (
        plain(inference.backend),
        plain(inference.precision),
        f"batch {inference.batch}",
        "CUDA graph" if inference.graph else "",
        "blocking wait" if inference.wait == "block" else "",
        "" if inference.period_s is None else f"every {1e3 * inference.period_s:g} ms",
    )


def _qualities_seen(among: Sequence[Inference]) -> list[set[str]]:
    return [set(values) for values in zip(*map(_qualities, among), strict=True)]


def plain(name: str) -> str:
    """`name` on one line, each character that cannot be shown (or stand in XML) as U+FFFD."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in " ".join(name.split()))


def counted(number: int, noun: str) -> str:
    """`1 cell`, `2 cells`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def shortened(name: str, limit: int = NAME_LIMIT) -> str:
    """`name`, plain, with an ellipsis in its middle beyond `limit` characters: both ends tell names apart."""
    name = plain(name)
    if len(name) <= limit:
        return name
    head = limit // 2
    return f"{name[:head]}…{name[len(name) - (limit - head - 1) :]}"


def file_stems(networks: Sequence[str]) -> Mapping[str, str]:
    """Each network's name for the name of a file: of a path its last part, numbered where that is taken."""
    stems: dict[str, str] = {}
    for network in networks:
        stem = re.sub(r"[^\w.-]+", "_", PurePath(network).stem) or "network"
        taken = sum(other == stem or other.startswith(f"{stem}~") for other in stems.values())
        stems[network] = f"{stem}~{taken + 1}" if taken else stem
    return stems


def three_digits(value: float) -> str:
    """`value` to three significant digits or the whole number, never with an exponent above: 0.0123, 8.10, 1234."""
    magnitude = math.floor(math.log10(abs(value))) if value else 0
    return f"{value:.{max(0, 2 - magnitude)}f}"


def ratio_text(value: float) -> str:
    """A slowdown: two decimals below ten (1.13), three digits above (12.3); few blocks can give an end of 2e+09."""
    if value >= 1000:
        return f"{value:.0e}"
    return f"{value:.2f}" if value < 10 else three_digits(value)


def ratio_texts(values: Sequence[float]) -> list[str]:
    """A slowdown and the ends of its interval, with as many decimals as each other. From ten on as `ratio_text`.

    Two; three where one of them is 1.00 with two; four where all lie on one side of 1 and three would hide it.
    """
    decimals = 3 if any(f"{value:.2f}" == "1.00" for value in values) else 2
    if (min(values) > 1 or max(values) < 1) and any(f"{value:.3f}" == "1.000" for value in values):
        decimals = 4
    return [f"{value:.{decimals}f}" if value < 10 else ratio_text(value) for value in values]


def percent_text(value: float) -> str:
    """A share as whole per cent: `12 %`."""
    return f"{round(100 * value)} %"
