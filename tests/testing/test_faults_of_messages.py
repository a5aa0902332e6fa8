"""Faults of messages, bytes and tokens, as a client meets them."""

import asyncio
import json
import urllib.error
import urllib.request
from typing import Any, cast

import pytest
from websockets.exceptions import InvalidStatus

from tests.counting import speak
from tests.emulator.protocol_client import talk
from tests.program import DEADLINE_S
from transcribe_cli.emulator.actions import Shape
from transcribe_cli.emulator.shaped_transport import ShapedTransport
from transcribe_cli.testing.service import AssemblyAIService

WORDS = [f"w{n}" for n in range(1, 11)]


def heard_words(service: AssemblyAIService) -> list[str]:
    heard = talk(service.url, speak(10))
    assert heard.code == 1000
    return [word["text"] for turn in heard.finals for word in turn["words"]]


def test_a_malformed_message_comes_between_sound_ones(service: AssemblyAIService) -> None:
    service.fail_next("malformed@turn=1")
    texts = talk(service.url, speak(10)).texts
    (bad,) = [text for text in texts if not text.endswith("}")]
    with pytest.raises(ValueError):
        json.loads(bad)
    assert json.loads(texts[texts.index(bad) - 1])["end_of_turn"]


def test_an_unknown_type_and_a_warning_come_when_they_are_due(service: AssemblyAIService) -> None:
    service.fail_next("unknown@begin", "warning=42 slow audio@turn=2")
    heard = talk(service.url, speak(10))
    assert heard.messages[0] == {"type": "TypeOfTomorrow"}
    assert heard.of_type("Warning") == [
        {"warning_code": 42, "warning": "slow audio", "type": "Warning"}
    ]


def test_a_message_comes_twice(service: AssemblyAIService) -> None:
    service.fail_next("duplicate@begin")
    first, second, *_ = talk(service.url).messages
    assert first == second and first["type"] == "Begin"


def test_two_messages_change_places(service: AssemblyAIService) -> None:
    service.fail_next("swap@begin")
    assert [m["type"] for m in talk(service.url, speak(1)).messages][:2] == [
        *("SpeechStarted", "Begin"),
    ]


def test_termination_is_late_or_never_comes(service: AssemblyAIService) -> None:
    service.fail_next("termination=never")
    heard = talk(service.url)
    assert heard.code == 1000 and heard.of_type("Termination") == []
    service.fail_next("termination=200ms", "redirect=whisper-rt")
    assert talk(service.url).messages[-1]["type"] == "Termination"
    assert [each.faults for each in service.wait_for(2)] == [
        ["termination=never"],
        ["redirect=whisper-rt", "termination=200ms"],
    ]


@pytest.mark.parametrize("fault", ["split=1", "split=7", "join=50ms"])
def test_whatever_the_bytes_come_in_all_is_heard(service: AssemblyAIService, fault: str) -> None:
    service.fail_next(fault)
    assert heard_words(service) == WORDS


class Written:
    """A transport that keeps what is written, write by write."""

    def __init__(self) -> None:
        self.writes: list[bytes] = []
        self.closed = False

    def write(self, data: bytes) -> None:
        self.writes.append(data)

    def close(self) -> None:
        self.closed = True


async def shaped(shape: Shape, *messages: bytes) -> list[bytes]:
    beneath = Written()
    transport = ShapedTransport(cast(Any, beneath), shape)
    for message in messages:
        transport.write(message)
    transport.close()
    assert beneath.closed
    return beneath.writes


def test_each_write_is_cut_into_pieces() -> None:
    written = asyncio.run(shaped(Shape(piece_bytes=3), b"abcdefg", b"h"))
    assert written == [b"abc", b"def", b"g", b"h"]


def test_several_writes_become_one_and_none_is_lost_at_the_close() -> None:
    assert asyncio.run(shaped(Shape(join_ms=60_000), b"abc", b"d", b"ef")) == [b"abcdef"]


def token_status(service: AssemblyAIService) -> int:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(
            f"{service.token_url}?expires_in_seconds=60", timeout=DEADLINE_S
        ) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as e:
        with e:
            return e.code


def test_requests_for_a_token_fail(service: AssemblyAIService) -> None:
    service.fail_next("token=500", times=2)
    assert [token_status(service) for _ in range(3)] == [500, 500, 200]


def test_an_upgrade_is_sent_elsewhere(service: AssemblyAIService) -> None:
    service.fail_next("location=ftp://127.0.0.1/")
    # The client follows no redirect to another scheme, and shows what it was told.
    with pytest.raises(Exception, match=r"ftp|307"):
        talk(service.url)
    service.fail_next("refuse=503")
    with pytest.raises(InvalidStatus, match="503"):
        talk(service.url)
