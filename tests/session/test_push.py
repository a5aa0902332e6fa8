"""What the recorder hands to a session, block by block, in virtual time over a pair of sockets."""

import contextlib
import json
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.protocol import SERVER, Protocol

from tests.session.server import BEGIN, payloads_heard
from transcribe_cli.audio.audio_log import AudioLog
from transcribe_cli.audio.encoder import Encoder
from transcribe_cli.audio.format import AudioFormat
from transcribe_cli.protocol.messages import UpdateConfiguration
from transcribe_cli.session.chunks import chunk_sizes
from transcribe_cli.session.connection import Connection
from transcribe_cli.session.pacing import Pacer
from transcribe_cli.session.session import Session

AUDIO = AudioFormat(16000)
SIZES = chunk_sizes(AUDIO, 50)
CHUNK = bytes(range(200)) * 8  # 50 ms


class Desk:
    """A log, a session that is open since time 0, and the service's end of its connection."""

    def __init__(
        self,
        log: AudioLog,
        *,
        limited: bool = False,
        reserve: int = 0,
        pace: float | None = None,
        keep_alive_s: float | None = None,
        encoder: Encoder | None = None,
    ) -> None:
        self.log = log
        self.now = 0.0
        self.due: list[float | None] = []  # what each block's push returned
        ours, self._theirs = socket.socketpair()
        self._theirs.setblocking(False)
        self._server = Protocol(SERVER)
        self.connection = Connection(ours)
        pacer = Pacer(AUDIO.rate_hz, pace, limited=limited)
        self.session = Session(
            *(0, log, SIZES, pacer, 0, reserve), keep_alive_s=keep_alive_s, encoder=encoder
        )
        self.session.opened(self.connection, 0.0)

    def begin(self) -> None:
        """The service says Begin."""
        self._theirs.sendall(b"\x81" + bytes([len(BEGIN)]) + BEGIN.encode())
        self.session.read(self.now)

    def record(self, samples: bytes) -> None:
        """The recorder appends a block."""
        self.log.append(
            samples,
            lambda start, samples: self.due.append(
                self.session.push_block(start, samples, self.now)
            ),
        )

    def heard(self) -> list[bytes]:
        """The chunks that have arrived since it was asked last."""
        with contextlib.suppress(BlockingIOError):
            while part := self._theirs.recv(1 << 16):
                self._server.receive_data(part)
        return payloads_heard(self._server)

    def hang_up(self) -> None:
        """The service's end is closed."""
        self._theirs.close()

    def close(self) -> None:
        self.connection.close()
        self.hang_up()


@pytest.fixture
def desk() -> Iterator[Callable[..., Desk]]:
    opened: list[Desk] = []
    with AudioLog.temporary(AUDIO) as log:

        def make(*, begun: bool = True, **options: Any) -> Desk:
            opened.append(Desk(log, **options))
            if begun:
                opened[-1].begin()
            return opened[-1]

        yield make
        for at in opened:
            at.close()


def test_words_of_a_chunk_may_come_back_before_the_thread_that_sends_it_goes_on(
    desk: Callable[..., Desk], monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are words of what was sent: else they would be said again after a cut just then."""
    at = desk()
    sent_to = []
    monkeypatch.setattr(
        at.connection, "send_audio", lambda samples: sent_to.append(at.session.offset)
    )
    at.record(CHUNK)

    assert sent_to == [SIZES.wanted]


def test_a_ping_while_a_chunk_is_handed_over_says_nothing_of_it(
    desk: Callable[..., Desk], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else its answer would say that the service has received what goes out behind the ping."""
    at = desk()
    sender = at.session._sender
    marks: list[int] = []
    monkeypatch.setattr(
        at.connection, "send_audio", lambda samples: marks.append(sender.handed_over)
    )
    at.record(CHUNK)

    assert [*marks, sender.handed_over] == [0, SIZES.wanted]


def test_block_that_is_the_next_chunk_is_not_read_back(
    desk: Callable[..., Desk], monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(start: int, count: int) -> bytes:
        raise AssertionError("it is at hand")

    at = desk(limited=True)
    monkeypatch.setattr(at.log, "read", read)
    for number in range(1, 4):
        at.record(CHUNK)

        assert at.heard() == [CHUNK]
        assert at.session.offset == at.log._consumed == number * 800
        at.now += 0.05
    assert at.due == [None] * 3


def test_block_waits_for_begin(desk: Callable[..., Desk]) -> None:
    at = desk(begun=False)
    at.record(CHUNK)
    assert at.heard() == []

    at.begin()
    at.record(CHUNK[::-1])
    assert at.heard() == [CHUNK, CHUNK[::-1]]


def test_blocks_of_other_sizes_become_chunks(desk: Callable[..., Desk]) -> None:
    at = desk()
    for samples in (CHUNK[:700], CHUNK[700:], CHUNK + CHUNK[:4], CHUNK[4:]):
        at.record(samples)

    assert at.heard() == [CHUNK] * 3


def test_block_waits_for_the_backlog_before_it(desk: Callable[..., Desk]) -> None:
    at = desk()
    at.log.append(CHUNK * 2)
    at.record(CHUNK[::-1])

    assert at.heard() == [CHUNK, CHUNK, CHUNK[::-1]]


def test_block_of_a_backlog_waits_for_the_rate_limit(desk: Callable[..., Desk]) -> None:
    at = desk(limited=True)
    at.record(CHUNK)
    at.record(CHUNK[::-1])

    assert at.heard() == [CHUNK]
    assert at.due == [None, pytest.approx(0.05 / 1.2)]


def test_block_that_has_a_time_of_its_own_waits_for_it(desk: Callable[..., Desk]) -> None:
    at = desk(pace=2.0)
    at.record(CHUNK)
    assert at.heard() == []
    assert at.due == [0.025]

    at.session.push(0.025)
    assert at.heard() == [CHUNK]


def test_main_is_told_of_a_file_s_block_only_where_it_has_waited_for_the_log(
    desk: Callable[..., Desk],
) -> None:
    at = desk(pace=1.0, reserve=SIZES.least)
    at.record(CHUNK + CHUNK)
    at.record(CHUNK)
    assert at.due == [0.05, None]

    assert at.session.push(0.05) == 0.1
    at.record(CHUNK)
    assert at.session.push(0.15) is None
    at.record(CHUNK)
    assert at.due == [0.05, None, None, 0.2]
    assert at.heard() == [CHUNK] * 3


def test_what_comes_live_through_a_pipe_is_sent_when_main_is_late(
    desk: Callable[..., Desk],
) -> None:
    at = desk(pace=1.0)
    at.record(CHUNK)
    assert at.due == [0.05]

    at.now = 0.1
    at.record(CHUNK[::-1])
    assert at.due == [0.05, None]
    assert at.heard() == [CHUNK, CHUNK[::-1]]


def test_what_is_held_back_at_the_end_is_no_chunk_yet(desk: Callable[..., Desk]) -> None:
    at = desk(reserve=SIZES.least)
    at.record(CHUNK)
    assert at.heard() == []

    at.record(CHUNK)
    assert at.heard() == [CHUNK]


def test_held_session_is_given_nothing(desk: Callable[..., Desk]) -> None:
    at = desk()
    at.session.hold(held=True, now=0.0)
    at.record(CHUNK)
    assert at.heard() == []

    at.session.hold(held=False, now=1.0)
    at.record(CHUNK)
    assert at.heard() == [CHUNK, CHUNK]


def test_block_after_the_end_that_was_asked_for_stays_in_the_log(desk: Callable[..., Desk]) -> None:
    at = desk()
    at.record(CHUNK)
    at.session.finish_at(1200)
    at.record(CHUNK[::-1])

    first, last = at.heard()
    assert (first, last[:800]) == (CHUNK, CHUNK[::-1][:800])
    assert last[800:] == bytes(800)
    assert at.session.offset == 1200


def test_block_follows_what_the_system_has_not_taken(desk: Callable[..., Desk]) -> None:
    at = desk()
    sent = 0
    while not at.connection.unsent:
        at.record(CHUNK)
        sent += 1
    assert at.due == [None] * (sent - 1) + [0.0]  # main waits until the system takes more
    at.record(CHUNK[::-1])
    assert at.session.offset == sent * 800

    heard = at.heard()
    while at.session.push(0.0) is not None:
        heard += at.heard()
    heard += at.heard()
    assert heard == [CHUNK] * sent + [CHUNK[::-1]]


def test_block_for_a_connection_that_broke_stays_in_the_log(desk: Callable[..., Desk]) -> None:
    at = desk()
    at.hang_up()
    at.record(CHUNK)
    assert at.connection.send_failure is not None
    assert at.due == [0.0]  # main closes it

    at.record(CHUNK)
    assert at.session.offset == 800


def test_changed_parameters_are_told_once_the_service_has_begun() -> None:
    with AudioLog.temporary(AUDIO) as log:
        at = Desk(log)
        at.session.update(UpdateConfiguration(prompt="a call"))
        assert at.heard() == []
        at.begin()
        assert [json.loads(text) for text in at.heard()] == [
            {"type": "UpdateConfiguration", "prompt": "a call"}
        ]
        at.session.update(UpdateConfiguration(min_turn_silence=200))
        assert [json.loads(text) for text in at.heard()] == [
            {"type": "UpdateConfiguration", "min_turn_silence": 200}
        ]
        at.close()


@pytest.mark.parametrize(("every_s", "told"), [(2.5, [2.5, 5.0, 7.5, 10.0]), (None, [])])
def test_a_pause_keeps_a_session_open_that_the_service_closes_when_idle(
    every_s: float | None, told: list[float]
) -> None:
    with AudioLog.temporary(AUDIO) as log:
        at = Desk(log, keep_alive_s=every_s)
        at.begin()
        at.session.paused(paused=True, now=0.0)
        heard_at = []
        for _ in range(20):
            at.now += 0.5
            at.connection.heard_at = at.now
            at.session.advance(at.now)
            texts = [text for text in at.heard() if text]
            heard_at += [at.now] * (b'{"type":"KeepAlive"}' in texts)
        at.session.paused(paused=False, now=at.now)
        at.now += 4.0
        at.session.advance(at.now)
        assert heard_at == told
        assert b'{"type":"KeepAlive"}' not in at.heard()
        at.close()


def test_a_pause_of_a_session_that_sends_nothing_yet_does_not_keep_main_busy() -> None:
    with AudioLog.temporary(AUDIO) as log:
        at = Desk(log, keep_alive_s=2.5)
        at.session.paused(paused=True, now=0.0)
        looked_at = []
        for _ in range(5):  # before Begin there is nobody to tell
            at.session.advance(at.now)
            assert at.session.due > at.now
            looked_at.append(at.now)
            at.now = at.connection.heard_at = at.session.due
        assert b'{"type":"KeepAlive"}' not in at.heard()
        assert looked_at[:4] == [0.0, 2.5, 5.0, 7.5]
        at.close()


class Halves:
    """An encoder that sends one of two bytes."""

    def encode(self, samples: bytes) -> bytes:
        return samples[::2]

    def finish(self) -> bytes:
        return b"the end"


def test_encoded_audio_is_timed_and_counted_by_its_samples(desk: Callable[..., Desk]) -> None:
    at = desk(limited=True, encoder=Halves())
    at.record(CHUNK)
    at.log.append(CHUNK[::-1])
    assert at.session.push(at.now) == pytest.approx(0.05 / 1.2)

    at.session.push(0.05)
    assert at.heard() == [CHUNK[::2], CHUNK[::-1][::2]]
    assert at.session.offset == 1600


@pytest.mark.parametrize("recorded", [0, 3])
def test_the_end_of_the_encoded_stream_comes_before_terminate(
    recorded: int, desk: Callable[..., Desk]
) -> None:
    at = desk(encoder=Halves())
    for _ in range(recorded):
        at.record(CHUNK)
    at.session.finish_at(recorded * 800)
    at.session.advance(at.now)
    assert at.heard()[recorded:] == [b"the end", b'{"type":"Terminate"}']


@given(
    st.lists(
        st.tuples(
            st.sampled_from([800, 800, 800, 1, 400, 799, 801, 1600, 4000]),
            st.sampled_from([0.0, 0.04, 0.05, 0.05, 0.3]),
            st.booleans(),
        ),
        max_size=40,
    ),
    st.booleans(),
)
def test_every_sample_goes_out_once_and_in_order(
    blocks: list[tuple[int, float, bool]], limited: bool
) -> None:
    """Blocks of all sizes, at all times, handed along or only appended."""
    with AudioLog.temporary(AUDIO) as log:
        at = Desk(log, limited=limited)
        at.begin()
        said = b""
        heard: list[bytes] = []
        for number, (frames, later_s, handed) in enumerate(blocks):
            at.now += later_s
            samples = number.to_bytes(2, "little") * frames
            said += samples
            if handed:
                at.record(samples)
            else:
                log.append(samples)
            heard += at.heard()
            assert b"".join(heard) == said[: at.session.offset * 2]
        at.now += 1000.0
        while at.session.push(at.now) is not None:
            at.now += 1.0
        heard += at.heard()
        at.close()

    assert b"".join(heard) == said[: len(said) // 1600 * 1600]
    assert {len(chunk) for chunk in heard} <= {1600}
