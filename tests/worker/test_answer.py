"""Standard output holds one answer, whatever else is printed meanwhile."""

from __future__ import annotations

import json
import subprocess
import sys


def answered(work: str) -> subprocess.CompletedProcess[str]:
    code = f"""
import os
from colocate.worker.answer import answer
from colocate.worker.errors import WorkerError
def work():
{work}
answer(work)
"""
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)


def test_what_a_library_prints_goes_to_stderr() -> None:
    noise = "    print('chatter', flush=True); os.write(1, b'more'); os.system('echo and more')\n"
    done = answered(noise + "    return {'gpu': 'Acme'}")
    assert (done.returncode, json.loads(done.stdout)) == (0, {"gpu": "Acme"})
    assert all(said in done.stderr for said in ("chatter", "more", "and more"))


def test_what_a_runtime_refuses_is_one_line() -> None:
    done = answered("    raise WorkerError('the driver is too old')")
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "the driver is too old\n")


def test_what_nobody_foresaw_keeps_its_traceback() -> None:
    done = answered("    raise RuntimeError('what nobody foresaw')")
    assert (done.returncode, done.stdout) == (1, "")
    assert "Traceback" in done.stderr and done.stderr.endswith("what nobody foresaw\n")
