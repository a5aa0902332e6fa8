"""`--tls`: an authority made on the spot, which clients trust by one file."""

import json
import os
import ssl
import subprocess
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from websockets.sync.client import connect

from tests.program import DEADLINE_S, Home, Outcome
from tests.requirements import require_package, require_programs
from transcribe_cli.emulator.certificates import how_to_trust, own_certificate
from transcribe_cli.errors import UsageError
from transcribe_cli.testing.service import AssemblyAIService


@pytest.fixture(autouse=True)
def _has_trustme() -> None:
    require_package("trustme")


def test_a_client_that_trusts_the_authority_is_served_and_another_is_not() -> None:
    with AssemblyAIService("--tls") as service:
        assert service.ca_file is not None
        address = f"{service.url}?speech_model=u3-rt-pro"
        trusting = ssl.create_default_context(cafile=service.ca_file)
        with connect(address, ssl=trusting, proxy=None, open_timeout=DEADLINE_S) as connection:
            assert json.loads(connection.recv(DEADLINE_S))["type"] == "Begin"
        with pytest.raises(ssl.SSLCertVerificationError):
            connect(address, ssl=ssl.create_default_context(), proxy=None)
        assert service.url.startswith("wss://") and service.token_url.startswith("https://")
        https = urllib.request.HTTPSHandler(context=trusting)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), https)
        with opener.open(
            service.token_url.replace("v3/token", "health"), timeout=DEADLINE_S
        ) as answer:
            assert json.load(answer) == {"status": "ok"}
        # Also what comes in pieces of one byte, each a TLS record.
        service.fail_next("split=1")
        with connect(address, ssl=trusting, proxy=None, open_timeout=DEADLINE_S) as connection:
            assert json.loads(connection.recv(DEADLINE_S))["type"] == "Begin"
    assert not Path(service.ca_file).exists()


def test_curl_trusts_it_as_it_is_told(tmp_path: Path) -> None:
    require_programs("curl")
    with AssemblyAIService("--tls-dir", str(tmp_path)) as service:
        ready = service._service.ready
        assert ready is not None and ready.ca_file == str(tmp_path / "ca.pem")
        (line,) = [x for x in how_to_trust(Path(ready.ca_file)).splitlines() if x[:4] == "curl"]
        curl = [*line.split()[1:], "--silent", "--noproxy", "*", ready.health_url]
        told = subprocess.run(curl, capture_output=True, text=True, timeout=DEADLINE_S, check=True)
    assert told.stdout == '{"status":"ok"}'


def test_an_authority_is_kept_in_its_folder_with_a_key_that_is_ours_alone(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    first = own_certificate(folder, "127.0.0.1").ca_file
    kept = (folder / "ca.pem").read_bytes()
    assert own_certificate(folder, "192.0.2.1").ca_file == first
    assert (folder / "ca.pem").read_bytes() == kept
    if os.name == "posix":
        assert (folder / "ca-key.pem").stat().st_mode & 0o777 == 0o600


def test_a_folder_that_cannot_hold_certificates_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match=r"file' cannot hold certificates"):
        own_certificate(tmp_path / "file", "localhost")
    for name in ("ca.pem", "ca-key.pem"):
        (tmp_path / name).write_text("nothing")
    with pytest.raises(UsageError, match="its files are no certificate and key"):
        own_certificate(tmp_path, "localhost")


def test_a_client_may_ask_by_the_name_of_the_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for own, served in (("build-7", True), ("no_name", False)):
        monkeypatch.setattr("socket.gethostname", lambda own=own: own)
        tls = own_certificate(tmp_path, "service.example")
        assert tls.ca_file is not None
        trusting = ssl.create_default_context(cafile=str(tls.ca_file))
        shake_hands(tls.context, trusting, "service.example")
        if served:
            shake_hands(tls.context, trusting, own)
        else:
            with pytest.raises(ssl.SSLCertVerificationError):
                shake_hands(tls.context, trusting, own)


@pytest.mark.parametrize(
    "own", ["ci--runner-1", "foo-.bar", "a..b", "xn--a", "-a", "", "a" * 64, "a." * 127 + "a"]
)
def test_a_machine_whose_name_no_certificate_can_have_is_served_by_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own: str
) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: own)
    tls = own_certificate(tmp_path, "127.0.0.1")
    trusting = ssl.create_default_context(cafile=str(tls.ca_file))
    shake_hands(tls.context, trusting, "localhost")


def shake_hands(served: ssl.SSLContext, trusting: ssl.SSLContext, name: str) -> None:
    """A client asks by a name, without a network.

    Raises:
        ssl.SSLCertVerificationError: the certificate is not for it.
    """
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = trusting.wrap_bio(down, up, server_hostname=name)
    server = served.wrap_bio(up, down, server_side=True)
    for side in (client, server, client):
        with suppress(ssl.SSLWantReadError):
            side.do_handshake()


@pytest.mark.parametrize("more", [["--tls"], ["--tls-dir", "ca"]])
def test_two_sources_of_a_certificate_are_refused(
    call: Callable[..., Outcome], more: list[str]
) -> None:
    refused = call("serve", "--certfile", "x.pem", *more)
    assert refused.code == 2 and "--certfile gives the certificate, and --tls makes" in refused.err


@pytest.mark.parametrize("ready", [[], ["--ready-json"]])
def test_people_are_told_how_to_trust_it(tmp_path: Path, ready: list[str]) -> None:
    home = Home(tmp_path / "home")
    process = home.start("serve", "--engine", "counting", "--port", "0", "--tls", *ready)
    try:
        assert process.stderr is not None
        told = b"".join(process.stderr.readline() for _ in range(6 if ready else 8)).decode()
    finally:
        process.terminate()
        process.communicate(timeout=DEADLINE_S)
    first = "Clients trust it with " if ready else "Listening on wss://"
    for word in (first, "SSL_CERT_FILE=", "NODE_EXTRA_CA_CERTS=", "keytool"):
        assert word in told
