"""Whatever goes wrong, at whatever moment: each word once, in order, within 20 ms of its time.

Each run draws a recording and up to four faults: cuts, stalls, delays, closes, errors, outages,
floods, a program that is suspended or paused by its key, at any word or while the last turns are
awaited. The recording is a file, or an address whose server cuts what it gives. Sessions may be
short-lived, so that one follows the other all the time; a TLS front may stand before the service
and cut what it says in its own way. Audio goes at 20 times its speed. The figures of all runs are
told at the end, as a row for the README.
"""

import contextlib
import json
import os
import pty
import signal
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st
from websockets.protocol import State

from tests.counting import CountingService, Session, counting_service, write_wav
from tests.fault_figures import Figures
from tests.hostile.tls_front import FRONTS, tls_front
from tests.program import DEADLINE_S, Home
from tests.proxy import Proxy, Way
from tests.schema import held_to_schema
from tests.web.site import Site
from tests.web.site import running as running_site
from tests.word_comparison import judge

RUNS = 200
SLICES = 20  # so that the workers share them
PACE = 20
SLOW_ONE_IN = 10
MOST_REPEATED = 100_000
_REPEATED_AT_ONCE = 500
DEAD_S = 11.0  # a stall that the client must take for a dead connection
ERRORS = {
    1008: "Unauthorized Connection: Too many concurrent sessions",
    3005: "Session Cancelled: An error occurred",
}


class Later:
    """Things to do after a while, all in time or never."""

    def __init__(self) -> None:
        self._timers: list[threading.Timer] = []
        self._stopped = False

    def __call__(self, seconds: float, work: Callable[[], None]) -> None:
        if self._stopped:  # the run is over, and the service hears its last words only now
            return
        timer = threading.Timer(seconds, work)
        self._timers.append(timer)
        timer.start()

    def stop(self) -> None:
        self._stopped = True
        for timer in self._timers:
            timer.cancel()
            timer.join()


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong.

    Attributes:
        at: when so many words were heard over all sessions; past the last: at Terminate.
        value: seconds, or a close code, by kind.
    """

    kind: str
    at: int
    value: float = 0.0

    def happen(self, session: Session, proxy: Proxy, person: "Person", later: Later) -> None:
        """Do it, from within the service's own thread."""
        connection = session.connection
        match self.kind:
            case "fin" | "rst":
                later(self.value, lambda: proxy.cut(reset=self.kind == "rst"))
            case "stall up":
                proxy.swallow(Way.UP)
                later(self.value, proxy.heal)
            case "stall down":
                proxy.swallow(Way.DOWN)
                later(self.value, proxy.heal)
            case "dead" | "vanished":
                proxy.swallow() if self.kind == "dead" else proxy.vanish()
                later(DEAD_S, proxy.heal)
            case "delay":
                proxy.delay(self.value)
            case "throttle":
                proxy.throttle(self.value)
                later(1.0, proxy.heal)
            case "down":
                proxy.go_down()
                later(self.value, proxy.heal)
            case "flood":
                flood(session)
            case "suspended":
                person.suspend()
                later(self.value, person.go_on)
            case "pause":
                person.press_space()
                later(self.value, person.press_space)
            case "close":
                connection.close(int(self.value))
            case "error":
                session.fail(int(self.value), ERRORS[int(self.value)])


def flood(session: Session) -> None:
    """The same Turn again and again, until the client closes for that.

    Many frames at a time: on a busy machine one by one would be no flood, but a service that says
    nothing new.
    """
    connection, said = session.connection, json.dumps(session.turn_message(end=False)).encode()
    many = (b"\x81\x7e" + len(said).to_bytes(2, "big") + said) * _REPEATED_AT_ONCE
    with contextlib.suppress(OSError):
        for _ in range(MOST_REPEATED // _REPEATED_AT_ONCE):
            if connection.state is not State.OPEN:
                break
            connection.socket.sendall(many)


def faults(words: int) -> st.SearchStrategy[list[Fault]]:
    """What may go wrong with a recording of so many words."""
    at = st.integers(0, words + 5)
    moment = st.floats(0, 0.06)  # so a cut comes anywhere within a chunk, and within a handshake
    short = st.floats(0.05, 0.8)
    quick = (
        st.builds(Fault, st.sampled_from(["fin", "rst"]), at, moment),
        st.builds(Fault, st.just("close"), at, st.sampled_from([1000, 1001, 1011, 1012, 1013])),
        st.builds(Fault, st.just("close"), at, st.sampled_from([3005, 3008])),
        st.builds(Fault, st.just("error"), at, st.just(3005)),
        st.builds(Fault, st.sampled_from(["stall up", "stall down"]), at, short),
        st.builds(Fault, st.just("delay"), at, st.floats(0, 0.2)),
        st.builds(Fault, st.just("throttle"), at, st.floats(50_000, 400_000)),
        st.builds(Fault, st.just("down"), at, short),
        st.builds(Fault, st.just("flood"), at),
        st.builds(Fault, st.just("suspended"), at, short),
        st.builds(Fault, st.just("pause"), at, st.floats(0.2, 0.8)),
    )
    several = st.lists(st.one_of(*quick), min_size=1, max_size=4).filter(_go_together)
    # These take seconds of a client's: a dead connection is one after 9 s, a slot is free after 4.
    slow = (
        st.builds(Fault, st.sampled_from(["dead", "vanished"]), at),
        st.builds(Fault, st.just("error"), at, st.just(1008)),
    )
    alone = st.one_of(*slow).map(lambda fault: [fault])
    return st.integers(1, SLOW_ONE_IN).flatmap(lambda n: alone if n == SLOW_ONE_IN else several)


def _go_together(drawn: list[Fault]) -> bool:
    kinds = [fault.kind for fault in drawn]
    # More than three keys at once would be taken for pasted text. On a slow line the same Turn
    # again and again is no flood: it says nothing new for 15 s, which ends a file as incomplete.
    return kinds.count("pause") <= 1 and not ("flood" in kinds and {"delay", "throttle"} & {*kinds})


@dataclass(frozen=True)
class Recording:
    """One run to be.

    Attributes:
        life_s: of a session, after which it is closed; None: long enough.
        front: how a TLS front cuts what the service says; None: there is none.
        cuts: of an address, after how many bytes each answer is cut; None: it is a file.
    """

    words: int
    turn_words: int
    chunk_ms: int
    life_s: float | None
    front: str | None
    cuts: list[int] | None
    faults: list[Fault]


@st.composite
def recordings(draw: st.DrawFn) -> Recording:
    life_s = draw(st.sampled_from([None, None, None, None, 3.0]))
    words = draw(st.integers(20, 120) if life_s is None else st.integers(300, 700))
    drawn = draw(faults(words))
    # A front that cuts finely is slow: what passes through it is no flood, and takes long.
    much = life_s is not None or any(fault.kind == "flood" for fault in drawn)
    fronts = [None, "joined"] if much else [None, *FRONTS]
    return Recording(
        words,
        draw(st.integers(1, 12)),
        draw(st.sampled_from([50, 50, 100, 270])),
        life_s,
        draw(st.sampled_from(fronts)),
        draw(st.none() | st.lists(st.integers(0, 60_000), min_size=1, max_size=4)),
        drawn,
    )


class Person:
    """Who sits at the terminal in which the program runs."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._process: subprocess.Popen[bytes] | None = None
        self._terminal = -1
        self.seen = b""

    def run(self, *arguments: str, env: dict[str, str]) -> int:
        """Run the program to its end, and look at what it draws; its exit code."""
        self._terminal, inside = pty.openpty()
        ends = {"stdin": inside, "stdout": inside, "stderr": inside}
        self._process = self._home.start(*arguments, env=env | {"TERM": "xterm"}, **ends)
        os.close(inside)
        looking = threading.Thread(target=self._look, name="person")
        looking.start()
        try:
            return self._process.wait(DEADLINE_S)
        finally:
            self._process.kill()
            self._process.wait()
            looking.join()
            os.close(self._terminal)
            self._process = None

    def _look(self) -> None:
        with contextlib.suppress(OSError):  # the other end is closed
            while drawn := os.read(self._terminal, 1 << 16):
                self.seen += drawn

    def press_space(self) -> None:
        """Pause, or go on."""
        if self._process is not None:
            os.write(self._terminal, b" ")

    def suspend(self) -> None:
        """As a machine that goes to sleep does."""
        if self._process is not None:
            self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """After `suspend`."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)


@dataclass
class BadLuck:
    """The faults of one run, as the service meets their moments."""

    proxy: Proxy
    person: Person
    waiting: list[Fault]
    words: int
    later: Later = field(default_factory=Later)
    heard: int = 0
    happened: list[Fault] = field(default_factory=list)

    def __call__(self, session: Session, heard: int) -> None:
        """What the service calls before it tells a word."""
        if heard == 0:
            finish = session.finish

            def finish_badly() -> None:
                self._let_happen(session, self.words + 5)
                finish()

            session.finish = finish_badly  # type: ignore[method-assign]
        self.heard += heard > 0
        self._let_happen(session, min(self.heard, self.words))

    def _let_happen(self, session: Session, heard: int) -> None:
        due = [fault for fault in self.waiting if fault.at <= heard]
        self.waiting = [fault for fault in self.waiting if fault.at > heard]
        self.happened += due
        for fault in due:
            fault.happen(session, self.proxy, self.person, self.later)


@contextmanager
def bad_service(
    recording: Recording, person: Person
) -> Iterator[tuple[CountingService, Proxy, BadLuck, dict[str, str]]]:
    """A service behind a network, what will go wrong with both, and what trusts its front."""
    with contextlib.ExitStack() as stack:
        service = stack.enter_context(
            counting_service(recording.turn_words, expires_in_s=recording.life_s)
        )
        url, trusted = service.url, dict[str, str]()
        if recording.front is not None:
            front = tls_front(url, FRONTS[recording.front])
            behind, trusted = stack.enter_context(front)
            url = behind.url
        proxy = stack.enter_context(Proxy(url))
        luck = BadLuck(proxy, person, recording.faults, recording.words)
        stack.callback(luck.later.stop)
        service.fault = luck
        yield service, proxy, luck, trusted


def run(recording: Recording, folder: Path) -> Figures:
    """One run of the program; its figures, or what is wrong with it."""
    home = Home(folder / "home")
    write_wav(home.work / "talk.wav", recording.words)
    person = Person(home)
    site = Site(home.work, cuts=list(recording.cuts or ()))
    with (
        running_site(site),
        bad_service(recording, person) as (service, proxy, luck, trusted),
    ):
        talk = "talk.wav" if recording.cuts is None else f"{site.url}/talk.wav"
        code = person.run(
            *("file", talk, "--endpoint", proxy.url, "--pace", str(PACE)),
            *("--chunk-ms", str(recording.chunk_ms)),
            env=trusted,
        )
        note(f"{luck.happened}\n{person.seen[-3000:].decode(errors='replace')}")
    journal = (home.only_recording() / "journal.jsonl").read_text(encoding="utf-8")
    records = [held_to_schema(json.loads(line)) for line in journal.splitlines()]
    verdict = judge(records, recording.words)
    figures = Figures(
        runs=1,
        faults=len(luck.happened) + len(recording.cuts or ()) - len(site.cuts),
        words=recording.words,
        lost=len(verdict.lost),
        doubled=len(verdict.doubled),
        greatest_error_ms=verdict.greatest_error_ms,
    )
    assert verdict.is_exact, verdict
    assert code == 0
    assert records[-1]["complete"] is True
    # The bill: whoever could be told that it is over was told.
    # One that was cut in its handshake may be the last that the service knows of.
    assert [seen for seen in service.sessions if seen.audio][-1].terminated
    return figures


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("slice_number", range(SLICES))
def test_no_fault_loses_doubles_or_moves_a_word(
    slice_number: int, record_property: Callable[[str, Any], None]
) -> None:
    total = Figures()

    @settings(
        max_examples=RUNS // SLICES,
        deadline=None,
        database=None,
        phases=[Phase.generate],  # each try takes seconds, so none is spent on shrinking
        suppress_health_check=list(HealthCheck),
    )
    @given(recordings())
    def go_wrong(recording: Recording) -> None:
        nonlocal total
        with tempfile.TemporaryDirectory() as folder:
            total += run(recording, Path(folder))

    go_wrong()
    record_property(Figures.PROPERTY, total.as_dict())
