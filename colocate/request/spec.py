"""Turn the keys of a study, from a file and from flags, into a SweepSpec. A key has the name of its flag.

A `StudyKeys` is what the user may write; a `SweepSpec` is what it means.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from colocate.errors import SpecError
from colocate.inference.backends.registry import ENGINE_RUNTIMES, MADE, maker_of, makes_networks
from colocate.inference.networks.catalogue import builtin_names, own_batch
from colocate.inference.networks.input_choices import input_choices
from colocate.model.containment import Containment, containment_words, parse_containment
from colocate.model.device import Workers, parse_device
from colocate.model.network_path import is_engine, is_file, is_ort
from colocate.model.request import PLACEMENTS, PRECISIONS, WAITS, Inference, SweepSpec, Task
from colocate.model.spelling import nearest, unknown
from colocate.model.written import WrittenHz, as_written
from colocate.request.design import DESIGNS, alternates
from colocate.request.key_errors import said
from colocate.request.lengths import check_lengths
from colocate.request.limit_keys import LIMIT_KEYS, make_limits
from colocate.request.mixes import make_mixes
from colocate.request.needs import STUDY_NEEDS, check_needs
from colocate.request.programs import make_pipeline, make_task
from colocate.request.study_keys import MHZ_MAX, Count, NetworkKeys, StudyKeys
from colocate.request.training_keys import trained
from colocate.rigs.registry import RIGS, RUNTIMES, default_wait
from colocate.study.clock_points import LEVELS, NATIVE
from cpu_workloads.registry import names as stressor_names

_T = TypeVar("_T")

# The one rule for ending a study early.
DECIDED = "decided"
REPEATS = 5
# The most repeats with --until decided. Cells of a large table that are open after 30 are so near to a limit that
# more repeats hardly show on which side they are (tests/bench/test_verdicts.py).
REPEATS_UNTIL_DECIDED = 30
# Stands before the name or the path of a network that is a task.
NETWORK_TASK = "network:"
# Three centuries; a run with more is not read (`store.ranges`).
_BUDGET_MAX_S = 1e10
_UNIT_S = {"": 1, "s": 1, "m": 60, "h": 3600}

_request = TypeAdapter(StudyKeys)
_batch = TypeAdapter[int](Count)
# Keys that a pipeline decides itself.
_OF_LOADED_NETWORKS = ("backend", "precision", "batch", "graph", "wait", "period_ms", "shapes", "inputs")
# Keys that an engine fixes.
_IN_ENGINES = ("precision",)


@dataclass(frozen=True, slots=True)
class Study:
    """What the user asked for: the `keys` of a study file as they were written, and their meaning `spec`."""

    keys: Mapping[str, Any]
    spec: SweepSpec


def make_study(keys: Mapping[str, Any]) -> Study:
    """Return the keys with their meaning; see `make_spec`."""
    return Study(keys, make_spec(keys))


def make_spec(keys: Mapping[str, Any]) -> SweepSpec:
    """Return the SweepSpec of these keys. Raises SpecError with the wrong key, and the nearest valid word if any."""
    request = _validated(keys)
    if request.pipelines:
        request = replace(request, networks=_with_pipelines(request, named="networks" in keys))
    tasks = _tasks(request)
    design = None if request.design is None else _known(request.design, DESIGNS, "design")
    # Taken as the user wrote them; `_validated` has found that they are numbers.
    limits = make_limits({key: keys.get(key) for key in LIMIT_KEYS})
    until_decided = request.until is not None and _known(request.until, [DECIDED], "until") == DECIDED
    # The default has stressors; only a study that says so has none.
    check_needs({"stressors": request.stressors, **keys}, STUDY_NEEDS)
    repeats = request.repeats or (REPEATS_UNTIL_DECIDED if until_decided else REPEATS)
    if until_decided and repeats < 2:
        raise SpecError("repeats: one repeat decides nothing; an interval needs at least two")
    return SweepSpec(
        inferences=_distinct([_inference(entry, request) for entry in request.networks], "networks"),
        tasks=tasks,
        rig=_known(request.rig, RIGS, "rig"),
        cpu_clocks=_clocks("cpu_clocks", keys),
        gpu_clocks=_clocks("gpu_clocks", keys),
        emc_clocks=_clocks("emc_clocks", keys),
        placements=_distinct([_known(name, PLACEMENTS, "placement") for name in request.placement], "placement"),
        inference_cpus=_cpus(request.inference_cpus),
        repeats=repeats,
        warmup_s=request.warmup,
        settle_s=request.settle,
        window_s=request.window,
        own_windows_s=_own_windows_s(request),
        max_start_temp_c=request.max_start_temp,
        seed=request.seed,
        model=tuple(sorted(request.model.items())),
        limits=limits,
        until_decided=until_decided,
        budget_s=None if request.budget is None else parse_duration_s(request.budget),
        alternating=alternates(design, keys.get("segment_ms"), tasks),
        segment_s=None if request.segment_ms is None else request.segment_ms * 1e-3,
        workers=_workers(request),
    )


def check_batch(batch: int, key: str = "batch") -> None:
    """Raise SpecError, naming `key`, if `batch` is no whole number of images from 1 to 10,000."""
    try:
        _batch.validate_python(batch)
    except ValidationError as error:
        raise SpecError(said(error, Count, key)) from error


def _tasks(request: StudyKeys) -> tuple[Task, ...]:
    """Return every task in every containment, and then the mixes."""
    commands = {name: make_task(name, keys, stressor_names()) for name, keys in request.commands.items()}

    def task_of(name: str) -> Task:
        if name.startswith(NETWORK_TASK):
            return _network_task(name.removeprefix(NETWORK_TASK), request)
        return commands.get(name) or Task(
            _known(name, (*stressor_names(), *commands), "stressor", f"{NETWORK_TASK}NAME, or one of")
        )

    ways = _distinct([parse_containment(text) for text in request.containment], "containment")
    alone = [task_of(name) for name in _distinct(request.stressors, "stressors") if name not in commands]
    tasks = _distinct([*alone, *commands.values()], "stressors")
    contained = [replace(task, containment=way) for task in tasks for way in ways]
    names = (*stressor_names(), *commands)
    return (*contained, *make_mixes(request.mixes, names, task_of, ways))


def _network_task(network: str, request: StudyKeys) -> Task:
    """Return a second network as a task. It infers back to back; otherwise it runs like the study's networks."""
    if not network.strip():
        raise SpecError(f"{NETWORK_TASK} names no network; write it behind the colon, {NETWORK_TASK}squeezenet1_1")
    if network in request.pipelines:
        raise SpecError(f"{NETWORK_TASK}{network}: a pipeline cannot be a task; give its program as --command")
    inference = replace(_inference(network, request), period_s=None)
    return Task(f"{NETWORK_TASK}{Path(network).name}", inference=inference)


def parse_duration_s(text: str | float, key: str = "budget") -> float:
    """Return the seconds in `90s`, `30m`, `1.5h` or a number of seconds. Raises SpecError."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smh]?)", str(text).strip(), re.ASCII)
    if match is None or not 0 < (seconds := float(match[1]) * _UNIT_S[match[2]]) <= _BUDGET_MAX_S:
        raise SpecError(f"{key}: {str(text)!r} is no length of time; write it as 90s, 30m or 2h")
    return seconds


def _validated(keys: Mapping[str, Any]) -> StudyKeys:
    check_lengths(keys)
    for key in keys:
        if key not in StudyKeys.__dataclass_fields__:
            near = nearest(key, StudyKeys.__dataclass_fields__)
            hint = f"did you mean '{near}'?" if near else "docs/reference.md lists all keys"
            raise SpecError(f"unknown key {key!r}; {hint}")
    try:
        return _request.validate_python(dict(keys))
    except ValidationError as error:
        raise SpecError(said(error, StudyKeys)) from error


def _with_pipelines(request: StudyKeys, *, named: bool) -> tuple[str | NetworkKeys, ...]:
    """Return the networks and then every other pipeline. If no `networks` are `named`, return only the pipelines."""
    entries = request.networks if named else ()
    mentioned = {entry if isinstance(entry, str) else entry.network for entry in entries}
    return (*entries, *(name for name in request.pipelines if name not in mentioned))


def _piped(own: NetworkKeys, request: StudyKeys) -> Inference:
    """Return the Inference of a pipeline: a user's program that is the network."""
    name = own.network
    if name in builtin_names() or maker_of(name) is not None:
        raise SpecError(f"pipelines.{name}: this is the name of a built-in network; choose another")
    _check_unset(own, request, _OF_LOADED_NETWORKS, f"pipeline '{name}' decides this itself")
    return Inference(name, "pipeline", precision="", pipeline=make_pipeline(name, request.pipelines[name]))


def _check_unset(own: NetworkKeys, request: StudyKeys, keys: Iterable[str], why: str) -> None:
    """Raise SpecError, with the reason `why`, if one of `keys` is set for this network or for the study."""
    usual = StudyKeys()
    for key in keys:
        if getattr(own, key) or getattr(request, key) != getattr(usual, key):
            raise SpecError(
                f"{key}: {why}; "
                f'set it for other networks alone, as in networks = [{{ network = "alexnet", {key} = ... }}]'
            )


def _inference(entry: str | NetworkKeys, request: StudyKeys) -> Inference:
    own = NetworkKeys(entry) if isinstance(entry, str) else entry
    network = own.network
    if network in request.pipelines:
        return _piped(own, request)
    if own.training is not None:
        batch, device = own.batch or request.batch, _workers(request).device
        return trained(own, own.training, own.precision or request.precision, batch, device)
    backend = _known(_own_or(own.backend, request.backend), ("auto", *RUNTIMES), "backend")
    if (maker := maker_of(network)) is not None:
        if backend not in ("auto", maker):
            raise SpecError(f"{backend} cannot run '{network}', which is {maker}'s own; leave out the backend")
        backend = maker
    elif _is_path(network):
        network = _file_or_name(network)
    else:
        _known(network, (*builtin_names(), *MADE), "network", "an .onnx file, an engine, or one of")
    engine = is_engine(network)
    if engine:
        _check_unset(own, request, _IN_ENGINES, f"engine {Path(network).name} has its own")
        backend = _engine_runtime(network, backend)
    choices = input_choices(own.shapes or request.shapes, own.inputs or request.inputs)
    if maker is None and makes_networks(backend):
        raise SpecError(f"{backend} cannot run '{network}', as it makes its networks itself; leave out the backend")
    if maker is not None and choices:
        raise SpecError(f"'{network}' is fed nothing: --shape and --input are for networks in files")
    return Inference(
        network,
        backend,
        "" if engine else _known(_own_or(own.precision, request.precision), PRECISIONS, "precision"),
        own.batch or request.batch or own_batch(network, choices) or 1,
        request.graph if own.graph is None else own.graph,
        _known(_own_or(own.wait, _own_or(request.wait, default_wait(request.rig))), WAITS, "wait"),
        None if (period_ms := own.period_ms or request.period_ms) is None else period_ms * 1e-3,
        choices,
    )


def _engine_runtime(network: str, backend: str) -> str:
    """Return the runtime of an engine, which TensorRT has built: `auto` becomes TensorRT, others are refused."""
    if backend == "auto":
        return ENGINE_RUNTIMES
    if not f"{backend}-".startswith(f"{ENGINE_RUNTIMES}-"):
        raise SpecError(
            f"{backend} cannot run {Path(network).name}: an engine runs in TensorRT alone; leave out the backend, or "
            "give the .onnx file that it was built from"
        )
    return backend


def _own_or(own: str | None, study: str) -> str:
    """The network's own word, or if it is None the study's. An empty word counts as given, to be refused later."""
    return study if own is None else own


def _own_windows_s(request: StudyKeys) -> tuple[tuple[str, float], ...]:
    """The windows in seconds of networks that have their own. Raises SpecError for a network with two lengths."""
    entries = [NetworkKeys(entry) if isinstance(entry, str) else entry for entry in request.networks]
    asked: dict[str, set[float | None]] = {}
    for entry in entries:
        asked.setdefault(_file_or_name(entry.network), set()).add(entry.window)
    found = []
    for network, windows in asked.items():
        lengths = {request.window if window is None else window for window in windows}
        if len(lengths) > 1:
            told = " and ".join(f"{window:g}" for window in sorted(lengths))
            raise SpecError(f"networks: {network} has windows of {told} s; give it one length, however it is run")
        if windows != {None}:
            found.append((network, lengths.pop()))
    return tuple(found)


def _is_path(network: str) -> bool:
    return (is_file(network) or is_ort(network)) and "\0" not in network


def _file_or_name(network: str) -> str:
    # A run is resumed from any folder.
    return str(Path(network).absolute()) if _is_path(network) else network


def _workers(request: StudyKeys) -> Workers:
    path, device = request.worker_python, request.device
    return Workers(
        None if path is None else _python_path(path),
        None if device is None else parse_device(device),
    )


def _python_path(path: str) -> str:
    try:
        if path.strip() and "\0" not in path:
            # Not resolved: an environment's own Python is a link.
            return str(Path(path).expanduser().absolute())
    except RuntimeError:
        # The home of a user who is not there.
        pass
    raise SpecError(f"worker_python: {path!r} is no path; give that of a Python, as /usr/bin/python3.8")


def _cpus(cpus: tuple[int, ...] | None) -> tuple[int, ...] | None:
    return None if cpus is None else _distinct(cpus, "inference_cpus")


def _clocks(key: str, keys: Mapping[str, Any]) -> tuple[int | str, ...] | None:
    """Return the clocks under `key`: MHz in Hz, words as they are. The plan checks whether the machine has them."""
    if (values := keys.get(key)) is None:
        return None
    if not values or (NATIVE in values and len(values) > 1):
        raise SpecError(f"{key}: give MHz, some of {', '.join(LEVELS)}, or {NATIVE} alone")
    return tuple(_clock(key, value) for value in values)


def _clock(key: str, value: float | str) -> int | str:
    if value in (*LEVELS, NATIVE):
        return str(value)
    try:
        mhz = float(value)
    except ValueError:
        raise SpecError(f"{key}: {value!r} is neither MHz nor one of {', '.join(LEVELS)}, {NATIVE}") from None
    if not 0 < mhz <= MHZ_MAX:
        raise SpecError(f"{key}: a clock is a positive number of MHz up to {MHZ_MAX:g}, not {value}")
    return WrittenHz(round(mhz * 1e6), value.strip() if isinstance(value, str) else as_written(value))


def _known(word: str, words: Iterable[str], what: str, among: str = "one of") -> str:
    """Return `word` if it is one of `words`. Raises SpecError with the nearest of them."""
    known = list(words)
    if word not in known:
        raise SpecError(unknown(word, known, what, among))
    return word


def _distinct(values: Iterable[_T], key: str) -> tuple[_T, ...]:
    listed = tuple(values)
    if not listed and key != "stressors":
        raise SpecError(f"{key}: name at least one")
    seen = set[_T]()
    for value in listed:
        if value in seen:
            name = value.name if isinstance(value, Task) else value
            named = f"{value.network}, run in the same way," if isinstance(value, Inference) else name
            if value is None or isinstance(value, Containment):
                named = containment_words(value)
            raise SpecError(f"{key}: {named} is named twice")
        seen.add(value)
    return listed
