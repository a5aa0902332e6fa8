"""Borders mean nothing: whichever way a front cuts what a service says, all of it is heard."""

import json
import socket
import ssl
from collections.abc import Callable

import pytest
from websockets.frames import Opcode

from tests.certificates import Certificate, make_certificate
from tests.counting import counting_service, write_wav
from tests.hostile.raw_service import (
    BEGIN,
    TERMINATION,
    Client,
    frame,
    raw_server,
    text,
    turn,
)
from tests.hostile.tls_front import FRONTS, tls_front
from tests.program import Home
from tests.word_comparison import assert_exact
from transcribe_cli.audio.audio_log import AudioLog
from transcribe_cli.audio.format import AudioFormat
from transcribe_cli.run.loop import Loop
from transcribe_cli.session.chunks import chunk_sizes
from transcribe_cli.session.connection import Connection
from transcribe_cli.session.events import Closed, Event, Received
from transcribe_cli.session.pacing import Pacer
from transcribe_cli.session.session import Session

SAID = [BEGIN, turn(0, 1), turn(0, 1, final=True), TERMINATION]
FRAMES = b"".join(map(text, SAID)) + frame(Opcode.CLOSE, (1000).to_bytes(2, "big"))


class RecordSocket:
    """The service's end of a TLS connection, which says what a record is, and what a segment."""

    def __init__(self, raw: socket.socket, context: ssl.SSLContext) -> None:
        self._raw = raw
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._in, self._out, server_side=True)
        self._wait_for(self._tls.do_handshake)

    def _wait_for(self, step: Callable[[], object]) -> object:
        while True:
            try:
                done, waits = step(), False
            except ssl.SSLWantReadError:
                waits = True
            if self._out.pending:
                self._raw.sendall(self._out.read())
            if not waits:
                return done
            data = self._raw.recv(1 << 16)
            if not data:
                raise ConnectionError("the client has gone")
            self._in.write(data)

    def recv(self, size: int) -> bytes:
        data = self._wait_for(lambda: self._tls.read(size))
        assert isinstance(data, bytes)
        return data

    def send_records(self, parts: list[bytes]) -> None:
        """Each part as a record, all of them at once."""
        for part in parts:
            self._tls.write(part)
        self._raw.sendall(self._out.read())


class Listener:
    """Drives one session, as a run does."""

    def __init__(self, loop: Loop, connection: Connection, log: AudioLog) -> None:
        self.due = 0.0
        self.has_work = False
        self.events: list[Event] = []
        self._loop = loop
        pacer = Pacer(16000, 1.0, limited=True)
        self._session = Session(0, log, chunk_sizes(log.audio, 50), pacer, 0)
        self._connection = connection

    @property
    def over(self) -> bool:
        return self._session.closed

    def start(self, now: float) -> None:
        self._session.opened(self._connection, now)
        self._loop.watch(self, self._session)

    def take(self, event: Event, now: float) -> None:
        pass

    def read(self, session: Session, now: float) -> None:
        self.events += session.read(now)
        self.due = session.due

    def advance(self, now: float) -> None:
        self.events += self._session.advance(now)
        self.due = self._session.due

    def bail_out(self) -> None:
        pass


def hear(url: str) -> list[object]:
    """All messages of a session, as the program's own loop takes them."""
    with Loop() as loop, AudioLog.temporary(AudioFormat(16000)) as log:
        listener = Listener(loop, Connection.open(url, {}), log)
        loop.run([listener])
    *received, closed = listener.events
    assert isinstance(closed, Closed) and closed.terminated, closed
    return [dict(event.decoded.raw) for event in received if isinstance(event, Received)]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return make_certificate(tmp_path_factory.mktemp("tls"))


def check_cuts(certificate: Certificate, monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    """The answer to the upgrade and everything behind it, in two records, cut at each place."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.cert))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.cert, certificate.key)
    places = iter(range(0, 1 << 16, step))
    behind = [0]

    def talk(raw: socket.socket) -> None:
        tls = RecordSocket(raw, context)
        client = Client(tls)  # type: ignore[arg-type]
        said = client.answer + FRAMES
        place = next(places)
        behind[0] = len(said) - place
        tls.send_records([part for part in (said[:place], said[place:]) if part])
        for _ in client.texts():
            pass

    with raw_server(talk) as url:
        address = url.replace("ws://", "wss://")
        while behind[0] >= 0:
            assert hear(address) == SAID, f"{behind[0]} bytes from the end"
            if behind[0] < step:
                break


def test_two_records_cut_anywhere(
    certificate: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_cuts(certificate, monkeypatch, step=23)


@pytest.mark.long
@pytest.mark.timeout(300)
def test_two_records_cut_at_every_byte(
    certificate: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_cuts(certificate, monkeypatch, step=1)


@pytest.mark.parametrize("name", FRONTS)
@pytest.mark.first(1)
def test_program_behind_a_front_hears_every_word(home: Home, name: str) -> None:
    write_wav(home.work / "talk.wav", 40)
    with (
        counting_service() as service,
        tls_front(service.url, FRONTS[name], gathers_s=0.05) as (front, trusted),
    ):
        outcome = home.run(
            *("file", "talk.wav", "--endpoint", front.url, "--pace", "4", "--jsonl"), env=trusted
        )
    assert outcome.code == 0, outcome.err
    assert_exact(outcome.records, 40)
    assert len(service.sessions) == 1
    assert json.loads(outcome.out.splitlines()[-1])["complete"] is True


def test_doctor_behind_a_front_sees_its_session_begin_and_end(home: Home) -> None:
    with (
        counting_service() as service,
        tls_front(service.url, FRONTS["joined"], gathers_s=0.05) as (front, trusted),
    ):
        outcome = home.run("doctor", "--json", "--endpoint", front.url, env=trusted)
    found = {finding["area"]: finding for finding in json.loads(outcome.out)["findings"]}
    assert found["session"]["state"] == "ok", outcome.out
