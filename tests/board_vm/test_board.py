"""The board itself: a real kernel's cpufreq, devfreq, hwmon and cgroups with a TX1's steps, in one boot."""

from __future__ import annotations

import itertools
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from .vm import BoardError, missing, run_in_board

ROOT = Path(__file__).resolve().parents[2]
BOOT_TIMEOUT_S = 300.0
LOWEST = {"cpu_khz": 102000, "gpu_khz": 76800}
MIDDLE = {"cpu_khz": 921600, "gpu_khz": 537600}
HIGHEST = {"cpu_khz": 1734000, "gpu_khz": 998400}
AT_HIGHEST = {"cpu_khz": [1734000, 1734000], "gpu_khz": [998400, 998400]}

pytestmark = pytest.mark.skipif(missing() is not None, reason=str(missing()))


@pytest.fixture(scope="module")
def guest(tmp_path_factory: pytest.TempPathFactory) -> Any:
    out = tmp_path_factory.mktemp("board")
    script = 'echo kept > "$1/kept"; echo aside >&2; "$2" -m tests.board_vm.guest && exit 7'
    argv = ["sh", "-c", script, "sh", str(out), sys.executable]
    done = run_in_board(argv, BOOT_TIMEOUT_S, out, cwd=ROOT)
    assert (done.exit_code, done.stderr) == (7, "aside\n"), done
    assert (out / "kept").read_text() == "kept\n"
    return json.loads(done.stdout)


def test_knobs_have_the_steps_of_a_tx1(guest: Any) -> None:
    knobs = guest["knobs"]
    assert len(knobs["cpu_steps_khz"]) == 17
    assert {102000, 921600, 1734000} <= set(knobs["cpu_steps_khz"])
    assert knobs["gpu_steps_hz"] == [76_800_000 * step for step in range(1, 14)]
    assert knobs["policy_cpus"] == [0, 1, 2, 3]
    assert knobs["gpus_by_of_node"] == ["57000000.gpu"]
    assert {"performance", "powersave", "userspace", "ondemand", "schedutil"} <= set(knobs["governors"])


def test_equal_limits_set_both_clocks(guest: Any) -> None:
    assert [point["seen"] for point in guest["pinned"]] == [LOWEST, MIDDLE, HIGHEST]
    for point in guest["pinned"]:
        assert point["limits"] == {name: [khz, khz] for name, khz in point["wanted"].items()}


def test_power_rises_with_the_clocks_and_the_total_holds_the_parts(guest: Any) -> None:
    by_point = [point["watts"] for point in guest["pinned"]]
    for low, high in itertools.pairwise(by_point):
        assert all(low[rail] < high[rail] for rail in ("VDD_IN", "VDD_GPU", "VDD_CPU"))
    for watts in by_point:
        assert watts["VDD_IN"] > watts["VDD_GPU"] + watts["VDD_CPU"]


def test_limits_in_the_wrong_order_are_clamped_and_remembered(guest: Any) -> None:
    order = guest["write_order"]
    assert set(order["errors"]) == {""}
    assert order["min_above_max"] == {name: [khz, khz] for name, khz in MIDDLE.items()}
    # The minimum that was clamped comes back when the maximum rises.
    assert order["max_raised_later"] == AT_HIGHEST
    # cpufreq clamps a maximum into its table, devfreq only rounds it up to a whole kHz.
    assert order["max_of_5"] == {"cpu_khz": [102000, 102000], "gpu_khz": [1, 1]}
    assert order["words"] == ["EINVAL", "EINVAL", "EINVAL"]


def test_a_refused_change_leaves_the_clock_but_not_the_limits(guest: Any) -> None:
    refused = guest["refused"]
    assert refused["before"] == refused["seen"] == LOWEST
    assert refused["limits"] == AT_HIGHEST
    assert refused["after_lifting"] == HIGHEST


def test_a_clamped_change_takes_effect_at_a_lower_step(guest: Any) -> None:
    assert guest["clamped"] == {"seen": MIDDLE, "limits": AT_HIGHEST}


def test_a_delayed_change_appears_not_before_its_time(guest: Any) -> None:
    delayed = guest["delayed"]
    assert delayed["seconds"].keys() == {"cpu_khz", "gpu_khz"}
    assert min(delayed["seconds"].values()) >= delayed["delay_s"]


def test_a_throttle_drops_clocks_and_watts_and_keeps_the_limits(guest: Any) -> None:
    throttled = guest["throttled"]
    assert throttled["seconds"].keys() == {"cpu_khz", "gpu_khz"}
    assert min(throttled["seconds"].values()) >= throttled["after_s"]
    assert throttled["limits"] == AT_HIGHEST
    hot, slow = throttled["watts"]
    assert all(slow[rail] < hot[rail] for rail in hot)
    assert throttled["after_lifting"] == HIGHEST


def test_temperatures_are_as_told(guest: Any) -> None:
    assert guest["temperatures_mc"] == {"CPU-therm": 61000, "GPU-therm": 89500}


def test_cpusets_of_cgroup_v2_take_effect(guest: Any) -> None:
    assert guest["confined"] == {"before": [0, 1, 2, 3], "after": [2], "killed": -9, "ran_on": 2}


def test_containments_of_cgroup_v2_are_what_was_asked_for(guest: Any) -> None:
    contained = guest["contained"]
    whole = {"cpu.idle": "0", "cpu.weight": "200", "cpu.max": "max 100000", "cpuset.cpus.effective": "1-2"}
    assert contained["shown"] == {
        # An idle group shows the weight 0.
        "idle": {**whole, "cpu.idle": "1", "cpu.weight": "0"},
        "weight=10": {**whole, "cpu.weight": "20"},
        "quota=20%/10+cpus=1": {
            **whole,
            "cpu.weight": "100",
            "cpu.max": "2000 10000",
            "cpuset.cpus.effective": "1",
        },
        "none": whole,
    }
    assert (contained["before"], contained["during"], contained["after"]) == ("", ["cpu", "cpuset"], "")
    assert contained["missing"] == []


def test_controllers_that_a_killed_process_switched_on_are_switched_off(guest: Any) -> None:
    killed, older = guest["left_behind"]
    assert killed == {
        "before": "", "killed": ["cpu", "cpuset"], "groups": ["delegated_cpu", "delegated_cpuset", "task"],
        "after": "", "left": [],
    }  # fmt: skip
    assert older == {"before": "", "killed": ["cpuset"], "groups": ["delegated"], "after": "", "left": []}


def test_nothing_written_reaches_the_host(guest: Any) -> None:
    assert guest["scratch"]
    assert not any(Path(path).exists() for path in guest["scratch"])


def test_a_command_that_does_not_end_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(BoardError, match="still running after"):
        run_in_board(["sleep", "600"], 0.5, tmp_path)


def test_a_kernel_that_stops_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(BoardError, match="sysrq triggered crash"):
        run_in_board(["sh", "-c", "echo c >/proc/sysrq-trigger"], BOOT_TIMEOUT_S, tmp_path)
