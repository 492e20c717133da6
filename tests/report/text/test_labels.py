"""Names made safe and short, and how a network is run."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from colocate.model.containment import Containment
from colocate.model.request import ClockPoint, Inference, InputChoice
from colocate.report.text.labels import (
    ContainedTask,
    axes_words,
    beside_words,
    clocks_column,
    clocks_text,
    clocks_words,
    containments_of,
    file_stems,
    inference_label,
    memory_words,
    misses_words,
    network_label,
    network_words,
    placements_of,
    plain,
    shared_containment,
    shared_qualities,
    shortened,
    task_label,
    task_words,
    tasks_of,
)
from tests.report.drawn import cell


@given(st.text(max_size=80))
def test_shortened_names_fit_and_keep_both_ends(name: str) -> None:
    short = shortened(name)
    assert len(short) <= 26
    assert all(c.isprintable() for c in short)
    if short != plain(name):
        head, tail = short.split("…", 1) if plain(name).count("…") == 0 else ("", "")
        assert plain(name).startswith(head) and plain(name).endswith(tail)


def test_a_file_is_called_by_its_own_name_where_no_other_is() -> None:
    among = [Inference(name) for name in ("alexnet", "/far/away/detector.onnx", "/a/net.onnx", "/b/net.onnx")]
    labels = [network_label(each.network, among) for each in among]
    assert labels == ["alexnet", "detector", "a/net", "b/net"]
    assert network_label("/x/alexnet.onnx", [Inference("alexnet"), Inference("/x/alexnet.onnx")]) == "x/alexnet"


@pytest.mark.parametrize(
    ("paths", "labels"),
    [
        # The nearest folder that differs, however deep the file lies.
        (["/m/face/onnx/model.onnx", "/m/plate/onnx/model.onnx"], ["face/model", "plate/model"]),
        (["/m/face/1/model.onnx", "/m/plate/2/model.onnx"], ["1/model", "2/model"]),
        (["/face/model.onnx", "/m/n/face/model.onnx"], ["/model", "n/model"]),
        # No one folder tells this one from both others.
        (["/a/x/model.onnx", "/a/y/model.onnx", "/b/x/model.onnx"],
         ["/a/x/model.onnx", "y/model", "b/model"]),
    ],
)  # fmt: skip
def test_files_of_one_name_are_told_apart_by_the_folder_that_differs(paths: list[str], labels: list[str]) -> None:
    assert [network_label(path, list(map(Inference, paths))) for path in paths] == labels


def test_a_network_is_told_by_what_it_is_fed() -> None:
    small, stored = (
        Inference("/a/net.onnx", inputs=(choice,))
        for choice in (InputChoice("x", (None, 3, 64, 64)), InputChoice("x", value="/far/away/photo.npy"))
    )
    number = Inference("/a/net.onnx", inputs=(InputChoice("rate", (), 16000.0), InputChoice("x", (1, 8))))
    among = [small, stored, number]
    assert [inference_label(each, among)[1] for each in among] == [
        "x @batchx3x64x64", "x photo.npy", "rate scalar 16000 and x 1x8",
    ]  # fmt: skip


def test_the_axes_named_are_those_that_any_point_has_set() -> None:
    assert axes_words([ClockPoint()]) == axes_words([ClockPoint(1, 1), ClockPoint(None, 1)]) == "CPU/GPU"
    assert axes_words([ClockPoint(1, 1), ClockPoint(1, 1, 1)]) == "CPU/GPU/memory"
    assert (memory_words(None), memory_words(1_331_200_000)) == ("memory native", "memory 1331.2 MHz")


@pytest.mark.parametrize(
    ("point", "texts"),
    [
        (ClockPoint(), ("native", "native", "native clocks")),
        (ClockPoint(921_600_000, 76_800_000), ("921.6/76.8", "921.6/76.8 MHz", "921.6/76.8 MHz (CPU/GPU)")),
        (ClockPoint(None, 76_800_000), ("native/76.8", "native/76.8 MHz", "native/76.8 MHz (CPU/GPU)")),
        (
            ClockPoint(921_600_000, None, 1_600_000_000),
            ("921.6/native/1600", "921.6/native/1600 MHz", "921.6/native/1600 MHz (CPU/GPU/memory)"),
        ),
        (
            ClockPoint(None, None, 1_600_000_000),
            ("native/native/1600", "native/native/1600 MHz", "native/native/1600 MHz (CPU/GPU/memory)"),
        ),
    ],
)
def test_clocks_are_given_in_mhz_where_they_are_set(point: ClockPoint, texts: tuple[str, str, str]) -> None:
    assert (clocks_column(point), clocks_text(point), clocks_words(point)) == texts


def test_a_network_is_named_with_that_in_which_it_differs() -> None:
    plain_, half, timed = (
        Inference("alexnet", "tensorrt"),
        Inference("alexnet", "tensorrt", "fp16", 8, graph=True, wait="block"),
        Inference("alexnet", "tensorrt", period_s=0.0333),
    )
    among = [plain_, half, timed]
    assert inference_label(plain_, among) == ("alexnet", "fp32, batch 1")
    assert network_words(half, among) == "alexnet fp16, batch 8, CUDA graph, blocking wait"
    assert network_words(timed, among, ": ") == "alexnet: fp32, batch 1, every 33.3 ms"
    assert network_words(half, [half]) == "alexnet"
    assert shared_qualities(among) == ["tensorrt"]


def test_tasks_and_placements_stand_as_in_the_cells_and_alone_comes_first() -> None:
    cells = [
        cell(task=task, placement=place) for place in ("shared", "isolated") for task in ("jpeg", "none", "mine")
    ]
    tasks = tasks_of(cells)
    assert [task.name for task in tasks] == ["none", "jpeg", "mine"]
    assert placements_of(cells) == ["shared", "isolated"]
    assert [task_words(task, tasks) for task in (tasks[0], ContainedTask("a\nb"))] == ["alone", "a b"]


def test_containments_are_named_where_tasks_differ_in_them() -> None:
    idle, quota = Containment(idle=True), Containment(quota_ratio=0.2, quota_period_s=0.01)
    cells = [cell(task="none"), *(cell(containment=each) for each in (None, idle, quota))]
    tasks = tasks_of(cells)
    assert [beside_words(own, tasks) for own in cells] == ["none", "jpeg", "jpeg (idle)", "jpeg (quota=20%/10)"]
    assert task_label(tasks[2], tasks) == ("jpeg", "idle") and containments_of(tasks) == [None, idle, quota]
    assert shared_containment(tasks) == []
    # What all tasks have in common the caption says once.
    same = tasks_of([cell(task="none"), cell(containment=idle), cell(task="bitcount", containment=idle)])
    assert [task_words(task, same) for task in same] == ["alone", "jpeg", "bitcount"]
    assert shared_containment(same) == ["containment idle"]
    assert shared_containment(tasks_of([cell()])) == []


def test_names_of_files_are_all_different() -> None:
    networks = ["alexnet", "/a/net.onnx", "/b/net.onnx", "/c/\u00e4 b?.onnx", "/d/.onnx", "/e/??.onnx"]
    stems = file_stems(networks)
    assert [stems[network] for network in networks] == ["alexnet", "net", "net~2", "\u00e4_b_", ".onnx", "_"]
    assert len(set(stems.values())) == len(networks)


def test_misses_are_a_share_and_a_longest_run() -> None:
    assert misses_words(cell(miss_ratio=0.0025, longest_miss_run=3)) == "0.25 %, 3 running"
    assert misses_words(cell(miss_ratio=0.0, longest_miss_run=0)) == "0 %"
    assert misses_words(dataclasses.replace(cell(), miss_ratio=None)) == ""


def test_a_long_name_of_a_network_still_gives_the_name_of_a_file() -> None:
    networks = [f"/a/{'n' * 245}{end}.onnx" for end in ("1", "2")] + [f"/b/{'網' * 80}.onnx"]
    stems = file_stems(networks)
    assert len({*stems.values()}) == 3
    assert all(len(f"efficiency-{stem}.png".encode()) < 255 for stem in stems.values())
