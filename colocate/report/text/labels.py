"""Names that are safe to print and short, and how a network is run, in words."""

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
    """A task and its containment: what a row or a column of a table shows. The network alone has the name `SOLO`."""

    name: str
    containment: Containment | None = None

    @classmethod
    def of(cls, cell: Cell) -> ContainedTask:
        """The task and containment of `cell`."""
        return cls(cell.task, cell.containment)


def clock_text(hz: int | None) -> str:
    """A clock in MHz, without the unit, or `native` for None."""
    return "native" if hz is None else mhz_text(hz)


def named_clocks(point: ClockPoint) -> Mapping[str, int | None]:
    """Return the clocks of `point` to show, in Hz by axis: CPU and GPU always, the memory only if its clock is
    set.
    """
    return {axis: hz for axis, hz in point.by_axis.items() if hz is not None or axis in _ALWAYS_NAMED}


def axes_words(points: Iterable[ClockPoint]) -> str:
    """The axes of the numbers that `clocks_column` gives for `points`: `CPU/GPU` or `CPU/GPU/memory`."""
    named = {axis for point in points for axis in named_clocks(point)}
    return "/".join(name for axis, name in CLOCK_AXES.items() if axis in named)


def clocks_column(point: ClockPoint) -> str:
    """Return the clocks in MHz, without the unit: `1734/998.4` for CPU and GPU, `1734/998.4/1600` if the memory's is
    set too, and `native` if none is set.
    """
    if point == ClockPoint():
        return "native"
    return "/".join(map(clock_text, named_clocks(point).values()))


def clocks_text(point: ClockPoint) -> str:
    """Return `clocks_column` with its unit: `1734/998.4 MHz`, or `native`."""
    text = clocks_column(point)
    return text if text == "native" else f"{text} MHz"


def clocks_words(point: ClockPoint) -> str:
    """The clocks with their unit and axes: `1734/998.4 MHz (CPU/GPU)`, or `native clocks`."""
    text = clocks_text(point)
    return "native clocks" if text == "native" else f"{text} ({axes_words([point])})"


def memory_words(hz: int | None) -> str:
    """The memory's clock by itself: `memory 1600 MHz`, or `memory native` for None."""
    return "memory native" if hz is None else f"memory {clock_text(hz)} MHz"


def inferences_of(cells: Sequence[Cell]) -> list[Inference]:
    """Every network, once for each way to run it, in the order of `cells`."""
    return list(dict.fromkeys(cell.inference for cell in cells))


def tasks_of(cells: Sequence[Cell]) -> list[ContainedTask]:
    """Every task, once for each containment, in the order of `cells`; the network alone comes first."""
    return sorted(dict.fromkeys(map(ContainedTask.of, cells)), key=lambda task: task.name != SOLO)


def containments_of(tasks: Sequence[ContainedTask]) -> list[Containment | None]:
    """Every containment of `tasks`, in their order. The network alone has none and is left out."""
    return list(dict.fromkeys(task.containment for task in tasks if task.name != SOLO))


def placements_of(cells: Sequence[Cell]) -> list[str]:
    """Every placement, in the order of `cells`."""
    return list(dict.fromkeys(cell.placement for cell in cells))


def task_label(task: ContainedTask, among: Sequence[ContainedTask]) -> tuple[str, str]:
    """Return the name and the containment of a task: `bitcount` and `idle`.

    The network alone is called `alone`. The containment is empty if the task has none, or if all of `among` have the
    same.
    """
    if task.name == SOLO:
        return "alone", ""
    told = task.containment is not None and len(containments_of(among)) > 1
    return shortened(task.name), containment_words(task.containment) if told else ""


def task_words(task: ContainedTask, among: Sequence[ContainedTask]) -> str:
    """Return `task_label` as one text: `bitcount (idle)`."""
    return bracketed(*task_label(task, among))


def bracketed(name: str, more: str) -> str:
    """Return `name` with `more` in brackets, `bitcount (idle)`, or `name` by itself if `more` is empty."""
    return f"{name} ({more})" if more else name


def inference_label(inference: Inference, among: Sequence[Inference]) -> tuple[str, str]:
    """Return a network's name and how it is run, `alexnet` and `fp16, batch 8`. Only what differs within `among` is
    named.
    """
    own = zip(_qualities(inference), _qualities_seen(among), strict=True)
    return network_label(inference.network, among), ", ".join(
        quality for quality, seen in own if quality and len(seen) > 1
    )


def network_words(inference: Inference, among: Sequence[Inference], separator: str = " ") -> str:
    """Return `inference_label` as one text."""
    return separator.join(filter(None, inference_label(inference, among)))


def shared_qualities(among: Sequence[Inference]) -> list[str]:
    """What all of `among` share in how they are run, such as backend and precision, in words."""
    return [quality for seen in _qualities_seen(among) if len(seen) == 1 and (quality := seen.pop())]


def beside_words(cell: Cell, among: Sequence[ContainedTask]) -> str:
    """Return what ran beside the network of `cell`, as `task_words` names it; `none` for the network alone."""
    return SOLO if cell.task == SOLO else task_words(ContainedTask.of(cell), among)


def shared_containment(among: Sequence[ContainedTask]) -> list[str]:
    """Return one phrase, `containment idle`, if all of `among` share a containment; else an empty list."""
    found = containments_of(among)
    return [f"containment {containment_words(found[0])}"] if len(found) == 1 and found[0] is not None else []


def network_label(network: str, among: Sequence[Inference]) -> str:
    """Return a network's name for a heading. A file is named without its folder and ending. If another file in
    `among` has the same name, the nearest folder that tells them apart is added: `detector/model`.
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
    """Return `name` on one line. Characters that cannot be printed, or are not allowed in XML, become escapes."""
    return visible(" ".join(name.split()))


def shortened(name: str, limit: int = NAME_LIMIT) -> str:
    """Return `name`, made `plain`, with an ellipsis in its middle beyond `limit` characters."""
    return one_line(plain(name), limit)


def file_stems(networks: Sequence[str]) -> Mapping[str, str]:
    """Return for each network a name that is safe in a file name: of a path its last part without the ending. A name
    that is taken gets a number: `model~2`.
    """
    stems: dict[str, str] = {}
    for network in networks:
        plain_stem = re.sub(r"[^\w.-]+", "_", PurePath(network).stem)
        stem = plain_stem.encode()[:_STEM_BYTES].decode(errors="ignore") or "network"
        taken = sum(other == stem or other.startswith(f"{stem}~") for other in stems.values())
        stems[network] = f"{stem}~{taken + 1}" if taken else stem
    return stems


def misses_words(cell: Cell) -> str:
    """Return the share of missed deadlines and the longest run of them, `0.25 %, 3 running`; empty without
    deadlines.
    """
    if cell.miss_ratio is None:
        return ""
    running = f", {cell.longest_miss_run} running" if cell.longest_miss_run else ""
    return f"{100 * cell.miss_ratio:.3g} %{running}"
