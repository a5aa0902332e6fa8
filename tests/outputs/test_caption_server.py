"""The captions page, asked by a plain HTTP client."""

import contextlib
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPResponse
from typing import Any, NamedTuple

import pytest

from tests.outputs.talk_on_page import Talk, a_page, port_of
from tests.outputs.turn_records import WHEN, record
from tests.program import DEADLINE_S
from transcribe_cli.outputs.caption_server import CaptionServer
from transcribe_cli.outputs.jsonl_records import Record, encode_record
from transcribe_cli.outputs.output import Outputs

MARK = Record(WHEN, "Mark", {})


class Event(NamedTuple):
    """One server-sent event, or a comment."""

    type: str
    id: int | None
    data: Any


class Reader:
    """Reads server-sent events."""

    def __init__(self, page: CaptionServer, path: str = "events", **headers: str) -> None:
        self.client = HTTPConnection("127.0.0.1", port_of(page), timeout=DEADLINE_S)
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        self.client.request("GET", f"/{path}", headers=names)
        self.response: HTTPResponse = self.client.getresponse()

    def next(self) -> Event:
        """The next event or comment."""
        lines = []
        while (line := self.response.readline().decode()) != "\n":
            assert line, "the stream ended"
            lines.append(line.removesuffix("\n"))
        if lines[0].startswith(":"):
            return Event("comment", None, lines[0][1:].strip())
        fields = dict(line.split(": ", 1) for line in lines)
        if "retry" in fields:
            return self.next()
        number = int(fields["id"]) if "id" in fields else None
        return Event(fields.get("event", "message"), number, json.loads(fields["data"]))

    def take(self, count: int) -> list[dict[str, Any]]:
        """So many records."""
        return [self.next().data for _ in range(count)]

    def rest(self) -> bytes:
        """Everything up to the end of the stream."""
        return self.response.read()

    def close(self) -> None:
        self.response.close()
        self.client.close()


@contextmanager
def reading(page: CaptionServer, path: str = "events", **headers: str) -> Iterator[Reader]:
    with contextlib.closing(Reader(page, path, **headers)) as reader:
        yield reader


def get(page: CaptionServer, path: str, **headers: str) -> tuple[HTTPResponse, bytes]:
    with contextlib.closing(
        HTTPConnection("127.0.0.1", port_of(page), timeout=DEADLINE_S)
    ) as client:
        client.request("GET", path, headers=headers)
        response = client.getresponse()
        return response, response.read()


# The stream of records.


def test_events_are_the_records_of_the_json_lines() -> None:
    with a_page() as page, reading(page) as reader:
        said = [Record(WHEN, "Recording", {"source": "mic"}), record("Hi", final=False), MARK]
        for one in said:
            page.write(one)
        events = [reader.next() for _ in said]
    assert [event.type for event in events] == ["message"] * 3
    assert [event.id for event in events] == [0, 1, 2]
    for seq, one in enumerate(said):
        assert events[seq].data == json.loads(encode_record(one, seq))


def test_any_text_is_one_event() -> None:
    with a_page() as page, reading(page) as reader:
        page.write(record("a\n\ndata: {}\r\nid: 9\u2028\x00 días"))
        assert reader.next().data["transcript"] == "a\n\ndata: {}\r\nid: 9\u2028\x00 días"


def test_new_reader_gets_what_was_final_and_the_partial_as_it_stands() -> None:
    talk = Talk()
    with a_page() as page:
        for one in (
            *(talk.turn(0, "h", final=False), talk.turn(0, "Hi.")),
            *(talk.turn(1, "how", final=False), talk.turn(1, "how are", final=False)),
        ):
            page.write(one)
        with reading(page) as reader:
            assert [r["transcript"] for r in reader.take(2)] == ["Hi.", "how are"]
            page.write(talk.turn(1, "How are you?"))
            assert reader.next().data["final"] is True


def test_reader_that_was_away_misses_nothing() -> None:
    with a_page() as page:
        for _ in range(10):
            page.write(MARK)
        with reading(page, Last_Event_ID="3") as reader:
            page.write(MARK)
            assert [r["seq"] for r in reader.take(7)] == [4, 5, 6, 7, 8, 9, 10]


@pytest.mark.parametrize("number", ["11", "99999999999999999999", "-1", "nonsense", "²"])
def test_number_of_another_run_begins_from_the_start(number: str) -> None:
    with a_page() as page:
        for _ in range(3):
            page.write(MARK)
        with reading(page, Last_Event_ID=number.encode("latin-1").decode("latin-1")) as reader:
            assert [r["seq"] for r in reader.take(3)] == [0, 1, 2]


def test_every_reader_gets_everything() -> None:
    with a_page() as page, contextlib.ExitStack() as stack:
        readers = [stack.enter_context(reading(page)) for _ in range(8)]
        for _ in range(50):
            page.write(MARK)
        for reader in readers:
            assert [r["seq"] for r in reader.take(50)] == list(range(50))


def test_page_of_an_earlier_run_is_told_to_stop_trying() -> None:
    with a_page() as page:
        response, body = get(page, "/events?run=of-yesterday")
        assert (response.status, body) == (204, b"")


def test_quiet_reader_gets_signs_of_life() -> None:
    with a_page(heartbeat_s=0.01) as page, reading(page) as reader:
        assert reader.next().type == "comment"
        page.write(MARK)
        while (event := reader.next()).type == "comment":
            pass
        assert event.data["type"] == "Mark"


# Readers come and go, and the run does not wait.


def test_end_is_told_after_the_last_record() -> None:
    with a_page() as page, reading(page) as reader:
        page.write(MARK)
        page.close()
        assert reader.next().data["type"] == "Mark"
        assert reader.next() == Event("end", None, {})
        assert reader.rest() == b""


def test_reader_that_does_not_read_holds_nothing_up() -> None:
    big = Record(WHEN, "Mark", {"text": "x" * 100_000})
    with a_page() as page:
        stuck = [Reader(page) for _ in range(3)]
        with reading(page) as reader:
            for number in range(200):  # many times what sockets and the backlog hold
                page.write(big)
                assert reader.next().id == number
        page.close()
        for one in stuck:
            one.close()
    assert threads_of_the_page() == []


def test_reader_that_fell_behind_goes_on_with_what_there_is() -> None:
    talk = Talk()
    with a_page() as page:
        page.write(talk.turn(0, "Long ago."))
        for number in range(100):
            page.write(talk.turn(1, f"{number} " + "x" * 100_000, final=False))
        with reading(page, Last_Event_ID="0") as reader:
            first = reader.next()
            assert first.id is not None
            assert first.id > 1
            assert [r["seq"] for r in reader.take(100 - first.id)][-1] == 100
        with reading(page) as reader:
            assert [r["turn"] for r in reader.take(2)] == [0, 1]


def test_reader_that_has_gone_is_forgotten() -> None:
    with a_page(heartbeat_s=0.01) as page:
        before = len(threads_of_the_page())
        readers = [Reader(page) for _ in range(4)]
        for reader in readers:
            assert reader.next().type == "comment"
        assert len(threads_of_the_page()) == before + 4
        for reader in readers:
            reader.close()
        for thread in threads_of_the_page():
            if thread.name == "aai-captions-reader":
                thread.join(DEADLINE_S)
        assert len(threads_of_the_page()) == before


def test_too_many_readers_are_turned_away_and_those_there_stay() -> None:
    with a_page() as page, contextlib.ExitStack() as stack:
        first = stack.enter_context(reading(page))
        for _ in range(63):
            stack.enter_context(reading(page))
        with pytest.raises(ConnectionError):
            Reader(page)
        page.write(MARK)
        assert first.next().data["type"] == "Mark"


def test_nothing_is_left_of_it_at_the_end() -> None:
    with a_page() as page, reading(page):
        port = port_of(page)
        page.close()
        page.close()
        assert threads_of_the_page() == []
        with pytest.raises(OSError):
            socket.create_connection(("127.0.0.1", port), 1)
        CaptionServer(port).close()  # and the port is free again


def test_fault_of_the_page_is_told_once_and_the_run_goes_on() -> None:
    broken = []
    with a_page() as page:
        outputs = Outputs([page], lambda output, e: broken.append((output.name, str(e))))
        page._server.contents.clear()
        page._server.contents["/page.js"] = None  # type: ignore[assignment]
        del page._server.feed
        with contextlib.suppress(OSError, ValueError):
            Reader(page).rest()
        for thread in threads_of_the_page():
            if thread.name == "aai-captions-reader":
                thread.join(DEADLINE_S)
        for _ in range(3):
            outputs.write(MARK)
    assert len(broken) == 1
    assert broken[0][0] == "captions page"


def threads_of_the_page() -> list[threading.Thread]:
    return [t for t in threading.enumerate() if t.name.startswith("aai-captions")]


# Only for this machine.


def test_it_listens_on_this_machine_only() -> None:
    with a_page() as page:
        assert page._server.server_address[0] == "127.0.0.1"
        assert page.url.startswith("http://127.0.0.1:")


def assert_refused(path: str, **headers: str) -> None:
    """Whoever asks with these headers gets 403, and nothing of what was said."""
    with a_page() as page:
        page.write(record("secret words"))
        response, body = get(page, path, **headers)
        assert response.status == 403
        assert b"secret" not in body


@pytest.mark.parametrize("path", ["/", "/page.js", "/page.css", "/events"])
@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", ""])
def test_name_that_points_here_is_refused(path: str, host: str) -> None:
    assert_refused(path, Host=host)


@pytest.mark.parametrize(
    "host", ["127.0.0.1:{port}", "localhost:{port}", "LocalHost", "127.0.0.1", "[::1]:{port}"]
)
def test_names_of_this_machine_are_taken(host: str) -> None:
    with a_page() as page:
        assert get(page, "/", Host=host.format(port=port_of(page)))[0].status == 200


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_other_sites_get_no_events(site: str) -> None:
    assert_refused("/events", **{"Sec-Fetch-Site": site})


@pytest.mark.parametrize("path", ["/", "/page.js", "/page.css", "/events"])
@pytest.mark.parametrize("origin", ["https://evil.example", "null"])
def test_pages_of_other_origins_are_refused(path: str, origin: str) -> None:
    assert_refused(path, Origin=origin)


def test_a_link_of_another_site_may_be_followed() -> None:
    with a_page() as page:
        assert get(page, "/", **{"Sec-Fetch-Site": "cross-site"})[0].status == 200


@pytest.mark.parametrize("path", ["/", "/page.js", "/page.css"])
def test_nothing_is_opened_to_others_and_nothing_else_is_loaded(path: str) -> None:
    with a_page() as page:
        response, body = get(page, path)
        assert response.status == 200
        assert int(response.headers["Content-Length"]) == len(body)
        assert not [name for name in response.headers if name.lower().startswith("access-control")]
        policy = response.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert b"http://" not in body
        assert b"https://" not in body
        assert b"innerHTML" not in body


@pytest.mark.parametrize(
    "path",
    ["/nothing", "/../caption_server.py", "/caption_page_files/page.js", "//[", "/%2e%2e", "*"],
)
def test_there_is_nothing_else(path: str) -> None:
    with a_page() as page:
        assert get(page, path)[0].status == 404


@pytest.mark.parametrize(
    "request_line", [b"", b"\r\n\r\n", b"POST / HTTP/1.1\r\n\r\n", b"\xff\0" * 9]
)
def test_odd_requests_harm_nothing(request_line: bytes) -> None:
    with a_page() as page:
        with socket.create_connection(("127.0.0.1", port_of(page)), DEADLINE_S) as client:
            client.sendall(request_line)
            client.shutdown(socket.SHUT_WR)
            assert b"200 OK" not in client.recv(1000)
        page.write(MARK)
        assert get(page, "/")[0].status == 200
