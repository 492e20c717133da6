from __future__ import annotations

from cpu_workloads.command_request import CommandRequest, from_json


def test_a_request_comes_back_from_its_one_line() -> None:
    request = CommandRequest(
        ("run", "a\nb"), service=True, keeps=True, ready_line="up", prepare=("make",), environment={"A": "1"}
    )
    assert "\n" not in request.to_json()
    assert from_json(request.to_json()) == request
    assert from_json(CommandRequest(("run",)).to_json()) == CommandRequest(("run",))
