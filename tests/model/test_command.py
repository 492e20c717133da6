from __future__ import annotations

from colocate.model.command import Command


def test_only_what_differs_from_the_default_is_present() -> None:
    assert Command().present == {}
    assert Command(run="service", copies=2, prepare=("make",)).present == {
        "run": "service",
        "copies": 2,
        "prepare": ("make",),
    }
