"""A certificate that signs itself, for all sides of a fleet."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from colocate.fleet.access import Certificates


def made_in(folder: Path) -> Certificates:
    """Certificates in a folder, as docs/fleet.md makes them; the test is skipped where that is not possible."""
    if shutil.which("openssl") is None:
        pytest.skip("needs openssl to make certificates")
    cert, key = str(folder / "cert.pem"), str(folder / "key.pem")
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=fleet", "-days", "2"]
    subprocess.run([*command, "-keyout", key, "-out", cert], check=True, capture_output=True)
    return Certificates(cert, cert, key)
