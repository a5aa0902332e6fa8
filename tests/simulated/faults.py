"""What may go wrong with a recording, and when."""

from dataclasses import dataclass, field
from functools import partial

from tests.simulated.network import Network
from tests.simulated.service import Ending, Service, ServiceSession
from tests.simulated.source import SimulatedRecorder
from tests.simulated.world import VirtualLoop, World
from transcribe_cli.errors import AudioError, StreamError
from transcribe_cli.run.run import Run
from transcribe_cli.session.events import KeyPressed, WorkerFailed

ERRORS = {
    1008: "Unauthorized Connection: Too many concurrent sessions",
    3005: "Session Cancelled: An error occurred",
    3008: "Session Expired: Maximum session duration exceeded",
    3009: "Too many concurrent sessions",
}
CLOSES = (None, 1000, 1001, 1006, 1011, 1012, 1013, 1014, 3005, 3008, 3009)
REFUSALS = {
    1008: "Unauthorized Connection: Invalid API key",
    3007: "Transmission Rate Exceeded: audio came faster than real time",
    4001: "Not Authorized",
}
HTTP = (429, 500, 502, 503)
FORBIDDEN = 403  # what a session is never opened after, unless one has been open before
STOPS = ("SIGINT", "SIGINT twice", "SIGTERM", "q")


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong, or that the user does.

    Attributes:
        kind: what; of ours are "break" (the source), "fault" and "faulty" (who connects).
        event, count: when: at that "word", "open", "begin" or "terminate", of all that the
            service met; "time": at second `count`.
        after_s: so much later.
        seconds: how long it lasts.
        value: a close code, a status, bytes a second, the side that is unplugged, by kind.
        whom: which sessions, of those open then: "newest", "oldest", "all"; of an "ending", all
            from then on, or else the next.
    """

    kind: str
    event: str
    count: float
    after_s: float = 0.0
    seconds: float = 0.0
    value: float | str | None = None
    whom: str = "newest"

    @property
    def stops(self) -> bool:
        return self.kind in STOPS


@dataclass
class Fate:
    """Lets the faults of a run happen, each at its moment.

    Attributes:
        happened: those that did, with their time.
        pauses: when the user paused, and went on.
    """

    world: World
    network: Network
    service: Service
    loop: VirtualLoop
    waiting: list[Fault]
    run: Run | None = None
    recorder: SimulatedRecorder | None = None
    happened: list[tuple[float, Fault]] = field(default_factory=list)
    stops: list[tuple[float, str]] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)

    def begin(self) -> None:
        self.service.happened = self._count
        for fault in self.waiting:
            if fault.event == "time":
                self.world.at(fault.count + fault.after_s, partial(self._let, fault))
        self.waiting = [fault for fault in self.waiting if fault.event != "time"]

    def _count(self, event: str) -> None:
        count = self.counts[event] = self.counts.get(event, 0) + 1
        if not self.waiting:
            return
        due = [fault for fault in self.waiting if fault.event == event and fault.count <= count]
        for fault in due:
            self.waiting.remove(fault)
            self.world.after(fault.after_s, partial(self._let, fault))

    def _let(self, fault: Fault) -> None:
        assert self.run is not None
        if self.run.over:
            return
        self.happened.append((self.world.now, fault))
        now, network, mood = self.world.now, self.network, self.service.mood
        until = now + fault.seconds
        match fault.kind:
            case "stall":
                network.stalled_until = until
            case "delay":
                network.delayed_until, network.delay_s = until, float(fault.value or 0)
            case "slow":
                network.slow_until, network.bytes_per_s = until, float(fault.value or 0)
            case "down" | "silence":
                network.down_until, network.silent = until, fault.kind == "silence"
            case "refuse":
                network.refused_until, network.refusal = until, int(fault.value or 0)
            case "faulty":
                network.faulty_until = until
            case "fault":
                problem = StreamError("The recorder failed: KeyError: 5")
                self.loop.post(self.run, WorkerFailed(problem))
            case "break":
                assert self.recorder is not None
                self.recorder.break_off(AudioError("The tape is torn."))
            case "unplug":
                assert self.recorder is not None
                self.recorder.unplug(
                    fault.seconds, None if fault.value is None else int(fault.value)
                )
            case "sleep":
                assert self.recorder is not None
                self.recorder.sleep(fault.seconds)
            case "no begin":
                mood.mute_until = until
            case "unformatted":
                mood.unformatted_until = until
            case "ending":
                mood.ending, mood.answer_s = Ending(str(fault.value)), fault.seconds
                mood.once = fault.whom != "all"
            case "hold":
                self.loop.poll.held_until = until
            case "pause":
                self._press("space")
                self.world.at(until, lambda: self._press("space"))
            case "mute":
                self._press("m")
                self.world.at(until, lambda: self._press("m"))
            case "endpoint":
                self._press("e")
            case "q":
                self.stops.append((now, "q"))
                self._press("q")
            case "SIGINT twice":
                self._signal("SIGINT")
                self.world.at(until, lambda: self._signal("SIGINT"))
            case "SIGINT" | "SIGTERM":
                self._signal(fault.kind)
            case _:
                for session in self._meant(fault.whom):
                    self._strike(session, fault)

    def _signal(self, name: str) -> None:
        assert self.run is not None
        if not self.run.over:
            self.stops.append((self.world.now, name))
            self.loop.signal(name)

    def _press(self, key: str) -> None:
        assert self.run is not None
        if not self.run.over:
            self.loop.post(self.run, KeyPressed(key))
            if key == "space" and not self.stops:
                self.pauses.append(self.world.now)

    def _meant(self, whom: str) -> list[ServiceSession]:
        sessions = self.service.open_sessions
        if whom == "newest":
            return sessions[-1:]
        return sessions[:1] if whom == "oldest" else sessions

    def _strike(self, session: ServiceSession, fault: Fault) -> None:
        link = session.seen.link
        match fault.kind:
            case "reset":
                link.reset()
            case "cut":
                link.finish()
            case "vanish":
                link.vanish()
            case "close":
                session.close(fault.value)  # type: ignore[arg-type]
            case "error":
                code = int(fault.value or 0)
                session.fail(code, ERRORS[code])
            case "refusal":
                code = int(fault.value or 0)
                session.fail(code, REFUSALS[code])
            case _:
                raise AssertionError(fault.kind)
