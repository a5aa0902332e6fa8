"""Who may talk to a server on this machine."""

from email.message import Message

import pytest
from websockets.datastructures import Headers

from transcribe_cli.protocol.endpoint import is_loopback_host
from transcribe_cli.protocol.web_origin import (
    OTHER_ORIGIN,
    OTHER_SITE,
    WRONG_HOST,
    why_refused,
)

OWN = "127.0.0.1:8765"


def asked(*headers: tuple[str, str], any_host: bool = False, linked: bool = False) -> str | None:
    """What both servers say of a request with these headers."""
    of_the_service = Headers(headers)
    of_the_page = Message()
    for name, value in headers:
        of_the_page[name] = value
    answer = why_refused(of_the_service, any_host=any_host, linked=linked)
    assert why_refused(of_the_page, any_host=any_host, linked=linked) == answer
    return answer


@pytest.mark.parametrize(
    "host",
    [
        *(
            "localhost",
            "localhost:8765",
            "LocalHost:80",
            "127.0.0.1",
            "127.0.0.1:8765",
            "127.0.0.1:",
        ),
        *("[::1]", "[::1]:8765", "[0:0:0:0:0:0:0:1]:1", "127.8.8.8", "192.168.1.20:8765"),
        *("[fe80::1]:8765", "10.0.0.1", "0.0.0.0:8765"),
    ],
)
def test_this_machine_s_names_and_addresses_are_answered(host: str) -> None:
    assert asked(("Host", host)) is None


@pytest.mark.parametrize(
    "host",
    [
        *("evil.example", "evil.example:8765", "EVIL.EXAMPLE", "", " ", ":8765"),
        *("127.0.0.1.evil.example", "localhost.evil.example", "evil.example#localhost"),
        *("localhost@evil.example", "evil.example@localhost", "user:pass@127.0.0.1"),
        *("localhost.", "127.0.0.1.", "evil.localhost", "127.1", "2130706433", "0x7f.0.0.1"),
        *("::1", "[::1", "[::1]evil.example", "[::1]:x", "[evil.example]", "127.0.0.1:8765:1"),
        *("127.0.0.1:٨٠", "127.0.0.1/evil", "localhost, evil.example", "127.0.0.1:123456"),
        *("[fe80::1%25eth0]", "localhost\x00"),
    ],
)
def test_any_other_name_is_refused(host: str) -> None:
    headers = Message()
    headers["Host"] = host
    assert why_refused(headers) == WRONG_HOST


def test_one_host_must_be_there_and_no_second() -> None:
    assert asked() == WRONG_HOST
    assert asked(("Host", OWN), ("Host", OWN)) == WRONG_HOST
    assert asked(("Host", OWN), ("host", "evil.example")) == WRONG_HOST
    assert asked(("Host", "evil.example"), ("Host", OWN), any_host=True) == WRONG_HOST


@pytest.mark.parametrize(
    "origin",
    [
        *("http://localhost:3000", "http://127.0.0.1:8765", "https://localhost", "http://[::1]:80"),
        *("HTTP://LOCALHOST:3000", "http://127.0.0.2"),
    ],
)
@pytest.mark.parametrize("site", ["same-origin", "same-site", "cross-site", None])
def test_pages_of_this_machine_are_welcome_at_any_port(origin: str, site: str | None) -> None:
    more = [] if site is None else [("Sec-Fetch-Site", site)]
    assert asked(("Host", OWN), ("Origin", origin), *more) is None
    assert asked(("host", "LOCALHOST"), ("origin", origin), *more) is None


@pytest.mark.parametrize(
    "origin",
    [
        *("https://evil.example", "http://evil.example:8765", "null", "NULL", "", " "),
        *("http://localhost.evil.example", "http://127.0.0.1.evil.example", "http://localhost."),
        *("http://localhost@evil.example", "http://evil.example@localhost", "http://a:b@localhost"),
        *(
            "http://localhost/",
            "http://localhost/x",
            "http://localhost#x",
            "//localhost",
            "localhost",
        ),
        *("http://localhost https://evil.example", "http://localhost, https://evil.example"),
        *("http://203.0.113.9", "http://192.168.1.20", "http://[2001:db8::1]", "http://0.0.0.0"),
        *("chrome-extension://abcdefgh", "file://", "file://localhost", "http://"),
        *("http://[::1", "http://localhost:port", "http:localhost", "http:///localhost"),
    ],
)
def test_pages_of_other_origins_are_refused(origin: str) -> None:
    for any_host in (False, True):
        assert asked(("Host", OWN), ("Origin", origin), any_host=any_host) == OTHER_ORIGIN
    # Not even with the words of a request that comes from nowhere.
    site = ("Sec-Fetch-Site", "none")
    assert asked(("Host", OWN), ("Origin", origin), site, linked=True) == OTHER_ORIGIN


def test_a_second_origin_is_one_too_many() -> None:
    own, other = ("Origin", "http://localhost"), ("Origin", "https://evil.example")
    assert asked(("Host", OWN), own) is None
    for two in ((own, other), (other, own), (own, own)):
        assert asked(("Host", OWN), *two) == OTHER_ORIGIN


def test_a_page_that_has_its_own_name_point_here_is_refused() -> None:
    name = "evil.example:8765"
    assert asked(("Host", name), ("Origin", f"http://{name}")) == WRONG_HOST


def test_a_server_for_other_machines_is_asked_by_any_name() -> None:
    assert asked(("Host", "stt.lan:8765"), any_host=True) is None
    page = ("Origin", "http://stt.lan:3000")
    assert asked(("Host", "stt.lan:8765"), page, any_host=True) is None
    assert asked(("Host", "stt.lan:8765"), page) == WRONG_HOST
    assert asked(("Host", "192.168.1.20:8765"), ("Origin", "http://192.168.1.20:3000")) is None
    other = ("Origin", "http://192.168.1.21")
    assert asked(("Host", "192.168.1.20"), other, any_host=True) == OTHER_ORIGIN


@pytest.mark.parametrize("site", ["cross-site", "same-site", "new-words-of-tomorrow"])
def test_images_and_frames_of_other_sites_are_refused_and_links_may_be_followed(site: str) -> None:
    headers = (("Host", OWN), ("Sec-Fetch-Site", site))
    assert asked(*headers) == OTHER_SITE
    assert asked(*headers, linked=True) is None
    assert asked(("Host", OWN), ("Sec-Fetch-Site", "none")) is None
    assert asked(("Host", OWN), ("Sec-Fetch-Site", "same-origin")) is None


@pytest.mark.parametrize(
    ("host", "expected"),
    [("localhost", True), ("127.0.0.1", True), ("::1", True), ("127.evil.example", False)],
)
def test_loopback(host: str, expected: bool) -> None:
    assert is_loopback_host(host) is expected
