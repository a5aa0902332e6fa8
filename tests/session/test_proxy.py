"""Which way leads to an endpoint, by the variables of the environment."""

from collections.abc import Mapping

import pytest

from transcribe_cli.errors import ConnectionFailed
from transcribe_cli.session.proxy import Route, find_route

REMOTE = "wss://streaming.example.com/v3/ws"
PLAIN = "ws://streaming.example.com/v3/ws"
P = {"https_proxy": "http://proxy:3128"}


def proxy_of(url: str, variables: Mapping[str, str]) -> str:
    """What is used, as a URL; empty: none."""
    proxy = find_route(url, variables).proxy
    return "" if proxy is None else f"{proxy.scheme}://{proxy.place}"


@pytest.mark.parametrize(
    ("url", "variables", "used"),
    [
        (REMOTE, {}, ""),
        (REMOTE, P, "http://proxy:3128"),
        (REMOTE, {"HTTPS_PROXY": "proxy:8080"}, "http://proxy:8080"),
        (REMOTE, {"https_proxy": "", "HTTPS_PROXY": "proxy:8080"}, "http://proxy:8080"),
        (REMOTE, {"https_proxy": "small:1", "HTTPS_PROXY": "capital:2"}, "http://small:1"),
        (REMOTE, {"all_proxy": "any:1", "ALL_PROXY": "other:2"}, "http://any:1"),
        (REMOTE, {"ALL_PROXY": "any:1"}, "http://any:1"),
        (REMOTE, {"ALL_PROXY": "any:1"} | P, "http://proxy:3128"),
        (REMOTE, {"wss_proxy": "ws:1"} | P, "http://ws:1"),
        (REMOTE, {"http_proxy": "proxy:3128"}, ""),
        (PLAIN, {"http_proxy": "proxy:3128"}, "http://proxy:3128"),
        (PLAIN, {"HTTP_PROXY": "proxy:3128"}, ""),
        (PLAIN, {"ALL_PROXY": "any:1"}, "http://any:1"),
        (PLAIN, P, ""),
        (REMOTE, {"https_proxy": "proxy"}, "http://proxy:1080"),
        (REMOTE, {"https_proxy": "HTTPS://Proxy.Example"}, "https://proxy.example:443"),
        (REMOTE, {"https_proxy": "socks://proxy"}, "socks4://proxy:1080"),
        (REMOTE, {"https_proxy": "SOCKS5H://proxy"}, "socks5h://proxy:1080"),
        (REMOTE, {"https_proxy": "  http://proxy:3128/ \n"}, "http://proxy:3128"),
        (REMOTE, {"https_proxy": "http://[::1]:3128"}, "http://[::1]:3128"),
        (REMOTE, {"https_proxy": "[2001:db8::1]"}, "http://[2001:db8::1]:1080"),
        ("wss://localhost/v3/ws", P, ""),
        ("wss://LOCALHOST./v3/ws", P, ""),
        ("wss://[::1]/v3/ws", P, ""),
    ],
)
def test_variables_are_read_as_curl_reads_them(
    url: str, variables: Mapping[str, str], used: str
) -> None:
    assert proxy_of(url, variables) == used


@pytest.mark.parametrize(
    ("exempt", "straight"),
    [
        ("*", True),
        (" * ", True),
        ("streaming.example.com", True),
        ("example.com", True),
        (".example.com", True),
        ("EXAMPLE.com.", True),
        ("other.org, example.com", True),
        ("other.org example.com", True),
        (",,example.com,,", True),
        ("ample.com", False),
        ("streaming.example.com:443", True),
        ("example.com:443", True),
        ("streaming.example.com:8443", False),
        (".", False),
        ("10.0.0.0/8", False),
        ("", False),
    ],
)
def test_no_proxy_exempts_names(exempt: str, straight: bool) -> None:
    assert (proxy_of(REMOTE, P | {"no_proxy": exempt}) == "") is straight
    assert (proxy_of(REMOTE, P | {"NO_PROXY": exempt}) == "") is straight
    with_dot = REMOTE.replace(".com/", ".com./")
    assert (proxy_of(with_dot, P | {"NO_PROXY": exempt}) == "") is straight


@pytest.mark.parametrize(
    ("host", "exempt", "straight"),
    [
        ("10.1.2.3", "10.0.0.0/8", True),
        ("11.1.2.3", "10.0.0.0/8", False),
        ("10.1.2.3", "10.1.2.3", True),
        ("10.1.2.3", "10.1.2.3:443", True),
        ("10.1.2.3", "10.1.2.3:80", False),
        ("10.1.2.3", "2.3", False),
        ("10.1.2.3", "10.0.0.0/99", False),
        ("[2001:db8::5]", "2001:db8::/32", True),
        ("[2001:db8::5]", "[2001:db8::5]", True),
        ("[2001:db8::5]", "[2001:db8::5]:443", True),
        ("[2001:db8::5]", "[2001:db8::5]:80", False),
        ("[2001:db8::5]", "2001:0db8:0::5", True),
        ("[2001:db9::5]", "2001:db8::/32", False),
    ],
)
def test_no_proxy_exempts_addresses(host: str, exempt: str, straight: bool) -> None:
    assert (proxy_of(f"wss://{host}/v3/ws", P | {"NO_PROXY": exempt}) == "") is straight


def test_the_small_no_proxy_wins() -> None:
    assert proxy_of(REMOTE, P | {"no_proxy": "other.org", "NO_PROXY": "*"}) != ""


@pytest.mark.parametrize(
    ("value", "credentials"),
    [
        ("http://proxy", None),
        ("http://user@proxy", (b"user", b"")),
        ("user:pass%3Aword@proxy", (b"user", b"pass:word")),
        ("http://a%40b.c:p%20w@proxy", (b"a@b.c", b"p w")),
        ("http://u:caf%C3%A9%FF@proxy", (b"u", b"caf\xc3\xa9\xff")),
        ("http://u:p@ss@proxy", (b"u", b"p@ss")),
        ("http://u:\udcff@proxy", (b"u", b"\xff")),
    ],
)
def test_user_and_password_are_decoded_and_not_shown(
    value: str, credentials: tuple[bytes, bytes] | None
) -> None:
    proxy = find_route(REMOTE, {"https_proxy": value}).proxy
    assert proxy is not None
    assert proxy.credentials == credentials
    assert repr(proxy) == "Proxy(http://proxy:1080)"


@pytest.mark.parametrize(
    "value",
    [
        "http://",
        "http://u:secret@",
        "http://u:secret@host:port",
        "http://u:secret@host:99999",
        "http://u:secret/more@host:1",
        "http://u:12/secret@host:1",
        "http://u:12?secret@host:1",
        "http://u:12#secret@host:1",
        "u:secret@ho st:1",
        "http://[::1:3128",
        "::1:3128",
    ],
)
def test_what_is_no_address_is_said_without_its_password(value: str) -> None:
    with pytest.raises(ConnectionFailed) as failed:
        find_route(REMOTE, {"https_proxy": value})
    assert failed.value.message == "https_proxy holds no address of a proxy."
    assert "secret" not in failed.value.hint
    assert not failed.value.retry


def test_kind_of_proxy_that_is_unknown_is_said() -> None:
    with pytest.raises(ConnectionFailed, match="unknown kind, quic://") as failed:
        find_route(REMOTE, {"ALL_PROXY": "quic://u:secret@proxy"})
    assert "secret" not in failed.value.message + failed.value.hint


@pytest.mark.parametrize(
    ("url", "variables", "why"),
    [
        (REMOTE, {}, "no variable names one"),
        (PLAIN, {"HTTP_PROXY": "p"}, "no variable names one (http_proxy is small)"),
        (REMOTE, P, "https_proxy names it"),
        (REMOTE, P | {"NO_PROXY": "a, example.com"}, "NO_PROXY lists example.com"),
        ("ws://[::1]:80", P, "the endpoint is on this machine"),
    ],
)
def test_why_is_told(url: str, variables: Mapping[str, str], why: str) -> None:
    route: Route = find_route(url, variables)
    assert route.why == why
