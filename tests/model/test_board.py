from __future__ import annotations

import dataclasses

from colocate.model.board import BoardState, PowerMode

FOUND = BoardState("32.6.1", PowerMode(1, "5W"), (2, 3), True, "4.6", True, 512 << 20, "by temperature")


def test_every_fact_has_words() -> None:
    assert FOUND.words == {
        "software": "L4T 32.6.1, JetPack 4.6",
        "power mode": "1 (5W)",
        "CPUs switched off": "2, 3",
        "clocks as found": "held at one clock, as by jetson_clocks",
        "desktop": "running",
        "zram": "512 MiB of swap",
        "fan": "by temperature",
    }
    assert BoardState().words["power mode"] == "unknown"
    assert BoardState(power_mode=PowerMode(3)).words["power mode"] == "3"


def test_boards_are_equal_that_run_a_network_alike() -> None:
    assert dataclasses.replace(FOUND, desktop=False, zram_bytes=0, fan="") == FOUND
    assert dataclasses.replace(FOUND, cpus_off=()) != FOUND
    assert list(FOUND.conditions) == ["software", "power mode", "CPUs switched off", "clocks as found"]
