from __future__ import annotations

from pathlib import Path

import pytest

from colocate.errors import SpecError

pytest.importorskip("distributed")

from colocate.fleet.access import Certificates, checked_address, secured, security_for
from tests.fleet.certificates import made_in

NONE = Certificates()


@pytest.fixture
def files(tmp_path: Path) -> Certificates:
    return made_in(tmp_path)


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("tcp://localhost", "tcp://localhost:8786"),
        ("tls://board-7.example:9000", "tls://board-7.example:9000"),
        ("tcp://[::1]:80", "tcp://[::1]:80"),
    ],
)
def test_an_address_has_a_port(said: str, meant: str) -> None:
    assert checked_address(said) == meant


@pytest.mark.parametrize(
    "said", ["", "localhost:8786", "http://x", "tcp://", "tcp://x:99999999", "tcp://x:y", "tcp://x/y"]
)
def test_what_is_no_address_is_refused_with_an_example(said: str) -> None:
    with pytest.raises(SpecError, match=r"no address of a scheduler; give tcp://HOST:8786 or tls://HOST:8786$"):
        checked_address(said)


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "tcp://localhost:1", "tcp://[::1]:1"])
def test_this_machine_may_speak_in_clear_to_itself(address: str) -> None:
    assert not security_for(address, NONE, insecure=False).require_encryption


@pytest.mark.parametrize("address", ["tcp://10.1.2.3:8786", "tcp://0.0.0.0:8786", "tcp://no-such-host.invalid:8786"])
def test_beyond_it_nobody_speaks_in_clear_unless_it_is_said(address: str) -> None:
    with pytest.raises(SpecError, match=r"run what anyone there sends them.*--insecure"):
        security_for(address, NONE, insecure=False)
    assert not security_for(address, NONE, insecure=True).require_encryption


def test_tls_takes_all_three_files_that_can_be_read(files: Certificates) -> None:
    security = security_for("tls://10.1.2.3:8786", files, insecure=False)
    assert security.require_encryption and security.tls_ca_file == files.ca_file
    for role in ("client", "worker", "scheduler"):
        assert (
            getattr(security, f"tls_{role}_cert") == files.cert and getattr(security, f"tls_{role}_key") == files.key
        )
    with pytest.raises(SpecError, match="give --tls-ca-file, --tls-cert and --tls-key"):
        security_for("tls://10.1.2.3:8786", Certificates(files.ca_file), insecure=True)
    with pytest.raises(SpecError, match="--tls-key: cannot read /no/key: No such file"):
        secured(Certificates(files.ca_file, files.cert, "/no/key"))


def test_files_that_tls_cannot_use_are_named(files: Certificates, tmp_path: Path) -> None:
    other = tmp_path / "other.pem"
    other.write_text("no certificate")
    with pytest.raises(SpecError, match=f"--tls-ca-file: {other} holds no certificate"):
        secured(Certificates(str(other), files.cert, files.key))
    with pytest.raises(SpecError, match=f"--tls-cert, --tls-key: {files.cert} and {other} are no certificate"):
        secured(Certificates(files.ca_file, files.cert, str(other)))


def test_certificates_for_an_address_in_clear_are_a_mistake(files: Certificates) -> None:
    with pytest.raises(SpecError, match="certificates are for tls://"):
        security_for("tcp://10.1.2.3:8786", files, insecure=True)
