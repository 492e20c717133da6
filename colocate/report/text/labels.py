"""Names made safe and short, and how a network is run."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePath
from typing import NamedTuple

from colocate.model.cell import SOLO, Cell
from colocate.model.containment import Containment, containment_words
from colocate.model.network_path import is_file
from colocate.model.request import CLOCK_AXES, ClockPoint, Inference, InputChoice
from colocate.report.text.numbers import mhz_text, ms_text
from colocate.report.text.visible import one_line, visible

NAME_LIMIT = 26
# Of the 255 of a file's name, which has more words than this.
_STEM_BYTES = 120
_ALWAYS_NAMED = ("cpu", "gpu")


class ContainedTask(NamedTuple):
    """A task in its containment: what a row or a column is of. The solo baseline's is `SOLO`, in none."""

    name: str
    containment: Containment | None = None

    @classmethod
    def of(cls, cell: Cell) -> ContainedTask:
        """What ran beside the network of `cell`."""
        return cls(cell.task, cell.containment)


def clock_text(hz: int | None) -> str:
    """A clock in MHz, or `native`."""
    return "native" if hz is None else mhz_text(hz)


def named_clocks(point: ClockPoint) -> Mapping[str, int | None]:
    """The clocks of a point that are named, by axis: those of CPU and GPU, and of the memory where it is set."""
    return {axis: hz for axis, hz in point.by_axis.items() if hz is not None or axis in _ALWAYS_NAMED}


def axes_words(points: Iterable[ClockPoint]) -> str:
    """`CPU/GPU` or `CPU/GPU/memory`: what the numbers of `clocks_column` are of, where `points` differ or not."""
    named = {axis for point in points for axis in named_clocks(point)}
    return "/".join(name for axis, name in CLOCK_AXES.items() if axis in named)


def clocks_column(point: ClockPoint) -> str:
    """`1734/998.4` for CPU and GPU under a heading that names the unit, `1734/998.4/1600` with the memory's, or
    `native`.
    """
    if point == ClockPoint():
        return "native"
    return "/".join(map(clock_text, named_clocks(point).values()))


def clocks_text(point: ClockPoint) -> str:
    """`1734/998.4 MHz`, as `clocks_column`, or `native`."""
    text = clocks_column(point)
    return text if text == "native" else f"{text} MHz"


def clocks_words(point: ClockPoint) -> str:
    """`1734/998.4 MHz (CPU/GPU)`, or `native clocks`."""
    text = clocks_text(point)
    return "native clocks" if text == "native" else f"{text} ({axes_words([point])})"


def memory_words(hz: int | None) -> str:
    """`memory 1600 MHz`, or `memory native`: the clock of the memory by itself."""
    return "memory native" if hz is None else f"memory {clock_text(hz)} MHz"


def inferences_of(cells: Sequence[Cell]) -> list[Inference]:
    """Every network and way to run it, in the order of `cells`."""
    return list(dict.fromkeys(cell.inference for cell in cells))


def tasks_of(cells: Sequence[Cell]) -> list[ContainedTask]:
    """Every task in every containment, in the order of `cells`, the solo baseline first."""
    return sorted(dict.fromkeys(map(ContainedTask.of, cells)), key=lambda task: task.name != SOLO)


def containments_of(tasks: Sequence[ContainedTask]) -> list[Containment | None]:
    """Every containment of `tasks` in their order; that of the solo baseline is none of them."""
    return list(dict.fromkeys(task.containment for task in tasks if task.name != SOLO))


def placements_of(cells: Sequence[Cell]) -> list[str]:
    """Every placement in the order of `cells`."""
    return list(dict.fromkeys(cell.placement for cell in cells))


def task_label(task: ContainedTask, among: Sequence[ContainedTask]) -> tuple[str, str]:
    """Name and containment of a task, as far as `among` differ in it: `bitcount` and `idle`.

    The solo baseline is `alone`; without containment there is nothing to say, except in a heading.
    """
    if task.name == SOLO:
        return "alone", ""
    told = task.containment is not None and len(containments_of(among)) > 1
    return shortened(task.name), containment_words(task.containment) if told else ""


def task_words(task: ContainedTask, among: Sequence[ContainedTask]) -> str:
    """`task_label` as one text: `bitcount (idle)`."""
    return bracketed(*task_label(task, among))


def bracketed(name: str, more: str) -> str:
    """What tells a name apart, wherever both are in one text: `bitcount (idle)`; the name alone without."""
    return f"{name} ({more})" if more else name


def inference_label(inference: Inference, among: Sequence[Inference]) -> tuple[str, str]:
    """Name and qualities of a network, as far as `among` differ in them: `alexnet` and `fp16, batch 8`."""
    own = zip(_qualities(inference), _qualities_seen(among), strict=True)
    return network_label(inference.network, among), ", ".join(
        quality for quality, seen in own if quality and len(seen) > 1
    )


def network_words(inference: Inference, among: Sequence[Inference], separator: str = " ") -> str:
    """`inference_label` as one text."""
    return separator.join(filter(None, inference_label(inference, among)))


def shared_qualities(among: Sequence[Inference]) -> list[str]:
    """What all of `among` have in common."""
    return [quality for seen in _qualities_seen(among) if len(seen) == 1 and (quality := seen.pop())]


def beside_words(cell: Cell, among: Sequence[ContainedTask]) -> str:
    """What ran beside the network of `cell`, as `task_words` names it; `none` for the solo baseline."""
    return SOLO if cell.task == SOLO else task_words(ContainedTask.of(cell), among)


def shared_containment(among: Sequence[ContainedTask]) -> list[str]:
    """`containment idle`, where that is what all of `among` have in common."""
    found = containments_of(among)
    return [f"containment {containment_words(found[0])}"] if len(found) == 1 and found[0] is not None else []


def network_label(network: str, among: Sequence[Inference]) -> str:
    """A network's name for a heading: of a file its own without folder and ending. Where others are called so, the
    nearest folder that tells them apart stands before it: `detector/model`.
    """
    if not is_file(network):
        return shortened(network)
    others = {each.network for each in among} - {network}
    own = PurePath(network)
    same = [PurePath(other) for other in others if PurePath(other).stem == own.stem]
    if not same:
        return shortened(own.stem)
    for level, folder in enumerate(own.parents):
        if all(folder.name != _parent(other, level) for other in same):
            return shortened(f"{folder.name}/{own.stem}")
    return shortened(network)


def _parent(path: PurePath, level: int) -> str:
    return path.parents[level].name if level < len(path.parents) else ""


def _qualities(inference: Inference) -> tuple[str, ...]:
    # What is the usual way has no words: the unusual stands out.
    return (
        plain(inference.backend),
        plain(inference.precision),
        f"batch {inference.batch}" if inference.pipeline is None else "",
        "CUDA graph" if inference.graph else "",
        "blocking wait" if inference.wait == "block" else "",
        "" if inference.period_s is None else f"every {ms_text(inference.period_s)} ms",
        " and ".join(plain(_choice_words(choice)) for choice in inference.inputs),
    )


def _choice_words(choice: InputChoice) -> str:
    words = [choice.name]
    if choice.shape is not None:
        words.append("x".join("@batch" if size is None else str(size) for size in choice.shape) or "scalar")
    if choice.value is not None:
        words.append(PurePath(choice.value).name if isinstance(choice.value, str) else f"{choice.value:g}")
    return " ".join(words)


def _qualities_seen(among: Sequence[Inference]) -> list[set[str]]:
    return [set(values) for values in zip(*map(_qualities, among), strict=True)]


def plain(name: str) -> str:
    """`name` on one line, each character that cannot be shown (or stand in XML) as its escape."""
    return visible(" ".join(name.split()))


def shortened(name: str, limit: int = NAME_LIMIT) -> str:
    """`name`, plain, with an ellipsis in its middle beyond `limit` characters: both ends tell names apart."""
    return one_line(plain(name), limit)


def file_stems(networks: Sequence[str]) -> Mapping[str, str]:
    """Each network's name for the name of a file: of a path its last part, numbered where that is taken."""
    stems: dict[str, str] = {}
    for network in networks:
        plain_stem = re.sub(r"[^\w.-]+", "_", PurePath(network).stem)
        stem = plain_stem.encode()[:_STEM_BYTES].decode(errors="ignore") or "network"
        taken = sum(other == stem or other.startswith(f"{stem}~") for other in stems.values())
        stems[network] = f"{stem}~{taken + 1}" if taken else stem
    return stems


def misses_words(cell: Cell) -> str:
    """`0.25 %, 3 running`: the share of missed deadlines and the longest run of them."""
    if cell.miss_ratio is None:
        return ""
    running = f", {cell.longest_miss_run} running" if cell.longest_miss_run else ""
    return f"{100 * cell.miss_ratio:.3g} %{running}"
