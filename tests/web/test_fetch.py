"""The way to an address: TLS, proxies, names, redirects, and who gets credentials."""

import base64
import socket
from pathlib import Path
from typing import Any

import pytest

from tests.certificates import Certificate, make_certificate
from tests.program import DEADLINE_S
from tests.proxies import ProxyServer
from tests.proxies import running as running_proxy
from tests.requirements import require_package
from tests.web.site import Handler, Site, running
from transcribe_cli.errors import AudioError
from transcribe_cli.web import fetch
from transcribe_cli.web.fetch import CutOff, Fetcher, Unreachable

HELLO = b"hello, is this on?"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return make_certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture(autouse=True)
def a_file(site: Site) -> None:
    (site.folder / "x").write_bytes(HELLO)


def got(address: str) -> bytes:
    answer = Fetcher(address).get(address)
    try:
        return answer.read_all(1000)
    finally:
        answer.close()


def failure(address: str) -> AudioError:
    with pytest.raises(AudioError) as failed:
        got(address)
    assert failed.value.hint
    assert "--endpoint" not in failed.value.hint
    return failed.value


def test_https_with_a_certificate_of_ones_own(
    tmp_path: Path, certificate: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "x").write_bytes(HELLO)
    with running(Site(tmp_path), certificate) as site:
        unknown = failure(f"{site.url}/x")
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate.cert))
        assert got(f"{site.url}/x") == HELLO
        lowered = failure(f"{site.url}/to/?http://127.0.0.1:{site.port}/x")
    assert "does not verify" in unknown.message
    assert "SSL_CERT_FILE" in unknown.hint
    assert "another kind" in lowered.message


def test_https_asked_of_a_server_without_tls_is_told(site: Site) -> None:
    assert "http:// and https://" in failure(f"https://127.0.0.1:{site.port}/x").hint


@pytest.mark.parametrize(
    ("kind", "named", "user"),
    [
        ("http", "http://user:pass:word@", "user:pass:word"),
        ("http", "http://", None),
        ("socks5", "socks5h://", None),
    ],
)
def test_proxy_that_a_variable_names_leads_there(
    site: Site, monkeypatch: pytest.MonkeyPatch, kind: str, named: str, user: str | None
) -> None:
    if kind != "http":
        require_package("python_socks")
    with running_proxy(ProxyServer(kind, site.url, user=user)) as proxy:
        monkeypatch.setenv("http_proxy", f"{named}{proxy.place}")
        assert got("http://radio.invalid:8000/x") == HELLO
    assert proxy.asked == ["radio.invalid:8000"]
    assert site.asked[-1][1]["host"] == "radio.invalid:8000"


def test_https_goes_through_a_proxy_too(
    tmp_path: Path, certificate: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "x").write_bytes(HELLO)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.cert))
    for module in ("proxy", "connect_socket"):  # the loopback is reached by a proxy only here
        monkeypatch.setattr(f"transcribe_cli.session.{module}.is_loopback", lambda _: False)
    with running(Site(tmp_path), certificate) as site, running_proxy(ProxyServer()) as proxy:
        monkeypatch.setenv("https_proxy", f"http://{proxy.place}")
        assert got(f"{site.url}/x") == HELLO
    assert proxy.asked == [f"127.0.0.1:{site.port}"]


def test_proxy_that_is_none_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    failed = failure("http://radio.invalid/x")
    assert "No proxy listens" in failed.message
    assert "http_proxy" in failed.hint


def test_name_that_nobody_knows_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    failed = failure("https://radio.invalid/x")
    assert "radio.invalid cannot be found" in failed.message
    assert "how the address is spelt" in failed.hint


def test_nobody_listens_there(site: Site) -> None:
    with socket.socket() as taken:  # bound, and not listening
        taken.bind(("127.0.0.1", 0))
        assert "Nothing listens" in failure(f"http://127.0.0.1:{taken.getsockname()[1]}/x").message


def test_what_is_no_address_is_told() -> None:
    for odd in ("ftp://127.0.0.1/x", "http:///x", "http://[x/y", "http://h:port/x"):
        assert "is no address" in failure(odd).message


def test_server_that_says_nothing_is_given_up(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(handler: object) -> None:
        site.over.wait(DEADLINE_S)

    def begins(handler: Handler) -> None:
        handler.answer(200, {"Content-Length": "100"})
        site.over.wait(DEADLINE_S)

    site.plays = {"/slow": slow, "/begins": begins}
    monkeypatch.setattr(fetch, "IDLE_S", 0.3)
    with pytest.raises(CutOff, match="nothing came"):
        got(f"{site.url}/begins")
    monkeypatch.setattr(fetch, "TIMEOUT_S", 0.3)
    with pytest.raises(Unreachable, match="did not answer"):
        got(f"{site.url}/slow")


def test_credentials_go_to_their_origin_alone(site: Site) -> None:
    elsewhere = site.url.replace("127.0.0.1", "localhost")
    address = f"{site.url}/to/?{elsewhere}/x".replace("//", "//ana:p%40ss@", 1)
    assert got(address) == HELLO

    expected = "Basic " + base64.b64encode(b"ana:p@ss").decode()
    assert [headers.get("authorization") for _, headers in site.asked] == [expected, None]


def test_public_address_leads_to_no_private_one(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = socket.getaddrinfo

    def looked_up(host: str | bytes, *rest: Any, **more: Any) -> Any:
        return real("127.0.0.1" if host == "public.example" else host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", looked_up)
    private = iter([True, False])  # the same machine, which is public the first time
    monkeypatch.setattr(fetch, "_is_public", lambda _: next(private))
    address = f"http://public.example:{site.port}/to/?{site.url}/x"
    assert "of a private network" in failure(address).message
    assert len(site.asked) == 1


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.1.2.3", "::1", "fe80::1%eth0", "169.254.169.254", "::ffff:192.168.0.1"],
)
def test_private_addresses_are_known(address: str) -> None:
    assert not fetch._is_public(address)
    assert fetch._is_public("8.8.8.8")
