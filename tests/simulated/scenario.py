"""One recording in virtual time, from what is given to what came of it."""

import io
import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from tests.run.config_and_parts import run_config, run_parts
from tests.simulated.call import CallRecorder, SimulatedCall
from tests.simulated.faults import Fate, Fault
from tests.simulated.network import Network, SimulatedConnecting
from tests.simulated.service import Formats, Habits, Seen, Service
from tests.simulated.source import SimulatedRecorder, Speaker
from tests.simulated.talk import RATE, WORD_MS, Heard, Talk, words_in
from tests.simulated.world import VirtualLoop, World
from transcribe_cli.audio.audio_log import AudioLog
from transcribe_cli.audio.format import MICROPHONE, SYSTEM, AudioFormat
from transcribe_cli.jobs.heard_channels import heard_of
from transcribe_cli.jobs.resume import resume_point_of
from transcribe_cli.outputs.jsonl_output import JsonlOutput
from transcribe_cli.outputs.output import Output
from transcribe_cli.protocol.models import MODELS
from transcribe_cli.recordings.journal import summarize, without_closing_records
from transcribe_cli.run.config import Result, ResumePoint, RunConfig
from transcribe_cli.run.limits import Limits
from transcribe_cli.run.loop import Loop
from transcribe_cli.run.parts import HeardChannels
from transcribe_cli.run.run import Run
from transcribe_cli.settings.session_parameters import Parameters
from transcribe_cli.supervisor.lease import LONGEST_SESSION_S
from transcribe_cli.supervisor.session_quota import SessionQuota

AUDIO = AudioFormat(RATE)
THEY_SAY = 15_000  # the number of the first word of the other side of a call
_AFTERWARDS_S = 60.0
TRACKS = (MICROPHONE, SYSTEM)
_MODEL_OF = {
    Formats.ALWAYS: "u3-rt-pro",
    Formats.TWICE: "universal-streaming-english",
    Formats.ONCE: "universal-streaming-english",
    Formats.NEVER: "universal-streaming-english",
}

Record = dict[str, Any]


@dataclass(frozen=True)
class Scenario:
    """A recording to be, and what will go wrong with it. Times are in seconds.

    Attributes:
        kind: "mic", "stdin" (a pipe) or "file".
        lead_s, stretches: the talk: silence, then words and the pause behind them.
        pace, limited: of a source that can wait; None and false: as fast as it goes.
        most_s: of audio; None: no limit.
        call: of both sides of one: "mix", where they take turns, or "each", a session for each;
            "": it is none.
    """

    seed: int
    kind: str
    lead_s: float
    stretches: tuple[tuple[int, float], ...]
    chunk_ms: int
    pace: float | None
    limited: bool
    per_minute: int | None
    latency_s: float
    jitter_s: float
    habits: Habits
    faults: tuple[Fault, ...] = ()
    most_s: float | None = None
    call: str = ""

    @property
    def audio(self) -> AudioFormat:
        return AUDIO._replace(channels=2 if self.call else 1)

    @property
    def talks(self) -> tuple[Talk, ...]:
        """What each side of a call says."""
        lead, step = AUDIO.frames(self.lead_s), AUDIO.frames(WORD_MS / 1000)
        said = [(words, AUDIO.frames(s)) for words, s in self.stretches]
        if self.call == "each":
            return Talk(lead, said), Talk(lead + step // 3, said, THEY_SAY)
        silent = [(0, words * step + pause) for words, pause in said]
        turns = [[(said, silent)[(n + side) % 2][n] for n in range(len(said))] for side in (0, 1)]
        return Talk(lead, turns[0]), Talk(lead, turns[1], THEY_SAY)

    @property
    def talk(self) -> Talk:
        frames = AUDIO.frames
        return Talk(frames(self.lead_s), [(words, frames(s)) for words, s in self.stretches])

    @property
    def stopped(self) -> bool:
        return any(fault.stops for fault in self.faults)


CALM = Scenario(
    seed=0,
    kind="mic",
    lead_s=0.5,
    stretches=((50, 1.0),),
    chunk_ms=50,
    pace=1.0,
    limited=True,
    per_minute=5,
    latency_s=0.04,
    jitter_s=0.02,
    habits=Habits(
        turn_words=5,
        silence_ms=800,
        lag_s=0.2,
        formats=Formats.ALWAYS,
        format_s=0.3,
        begin_s=0.5,
        life_s=10_800.0,
        per_minute=5,
        skew_s=0.0,
    ),
)
"""An ordinary day: a microphone, and nothing goes wrong."""


@dataclass
class Outcome:
    """What came of a run.

    Attributes:
        records: of the journal.
        said: the words of the audio log.
        service: its logbook.
        ended: when, in virtual seconds; turns: how often main came by.
        happened: the faults that did, and when; stops: what the user asked for, and when.
        pauses: from when to when; tried: when a connection was.
        earlier: how many of the records are an earlier run's.
    """

    scenario: Scenario
    records: list[Record]
    said: list[Heard]
    frames: int
    service: Service
    result: Result
    ended: float
    turns: int
    happened: list[tuple[float, Fault]]
    stops: list[tuple[float, str]]
    pauses: list[tuple[float, float]]
    tried: list[float]
    talk_of_the_console: str = ""
    earlier: int = 0
    audio: bytes = field(default=b"", repr=False)

    def never_told(self, seen: Seen) -> bool:
        """The run had given up connecting before the session was open on its side."""
        return seen.number not in {r["session"] for r in self.records if r["type"] == "Begin"}

    @property
    def finals(self) -> list[Record]:
        return [r for r in self.records if r["type"] == "Turn" and r["final"]]


def config_of(scenario: Scenario, resume_point: ResumePoint | None) -> RunConfig:
    model = MODELS[_MODEL_OF[scenario.habits.formats]]
    query: dict[str, Any] = {"speech_model": model.name, "sample_rate": RATE}
    if "format_turns" in model.takes:
        query["format_turns"] = True
    return run_config(
        recording="simulated",
        parameters=Parameters(query, model, []),
        endpoint="nowhere",
        audio=scenario.audio,
        tracks=TRACKS if scenario.call else (),
        each=scenario.call == "each",
        chunk_ms=scenario.chunk_ms,
        pace=scenario.pace,
        limited=scenario.limited,
        limits=Limits(max_duration_s=scenario.most_s),
        resume_point=resume_point,
    )


def play(
    scenario: Scenario,
    ends_at: float | None = None,
    before: tuple[bytes, list[Record]] | None = None,
) -> Outcome:
    """Run it to its end; `before`: the audio and the journal of an earlier run."""
    journal = io.BytesIO()
    first_seq = 0
    resume_point = None
    if before is not None:
        kept = [r | {"seq": seq} for seq, r in enumerate(without_closing_records(before[1]))]
        journal.write(b"".join(msgspec.json.encode(record) + b"\n" for record in kept))
        first_seq = len(kept)
        resume_point = resume_point_of(summarize(before[1]))
    output = JsonlOutput(journal, "journal", owned=False, first_seq=first_seq)
    talk = scenario.talk
    live = scenario.kind != "file" and before is None
    in_log = before is not None and scenario.kind != "file"
    source: Speaker | SimulatedCall = Speaker(scenario.kind, live, None if in_log else talk)
    if scenario.call and not in_log:
        source = SimulatedCall(scenario.talks)
    with AudioLog.temporary(scenario.audio) as log:
        if in_log and before is not None:
            log.append(before[0])
        outcome = record(scenario, source, log, [output], ends_at, resume_point)
        outcome.audio = log.read(0, log.frames)
    outcome.earlier = first_seq
    outcome.said = [] if scenario.call else words_in(outcome.audio)
    outcome.records = [msgspec.json.decode(line) for line in journal.getvalue().splitlines()]
    return outcome


def record(
    scenario: Scenario,
    source: Speaker | SimulatedCall,
    log: AudioLog,
    outputs: list[Output],
    ends_at: float | None = None,
    resume_point: ResumePoint | None = None,
    watch: Callable[[Network], None] = lambda network: None,
) -> Outcome:
    """Run it into these outputs; what they say is not read. `watch` is called before it begins."""
    world = World(ends_at or 3600.0 + 20 * scenario.talk.frames / RATE)
    chance = random.Random(scenario.seed)
    network = Network(world, chance, scenario.latency_s, scenario.jitter_s)
    service = Service(network, scenario.habits, chance)
    console = io.StringIO()
    with VirtualLoop(world) as loop:
        fate = Fate(world, network, service, loop, list(scenario.faults))

        def make_recorder(*given: Any, **told: Any) -> SimulatedRecorder:
            make = CallRecorder if isinstance(source, SimulatedCall) else SimulatedRecorder
            fate.recorder = make(world, *given, **told)
            return fate.recorder

        heard = HeardChannels()
        if scenario.call:
            heard = heard_of(log, TRACKS, each=scenario.call == "each")

        parts = run_parts(
            *(source, log, loop, outputs, console),
            quota=SessionQuota(scenario.per_minute),
            connect=lambda number, target, post: SimulatedConnecting(
                number, post, network, service.accept
            ),
            make_recorder=make_recorder,
            heard=heard,
            wall=world.wall,
            chance=random.Random(scenario.seed),
        )
        run = Run(config_of(scenario, resume_point), parts)
        fate.run = run
        fate.begin()
        watch(network)
        Loop.run(loop, [run])
        ended = world.now
        turns = loop.poll.turns
        world.settle(_AFTERWARDS_S)
    assert run.result is not None
    return Outcome(
        scenario,
        records=[],
        said=[],
        frames=log.frames,
        service=service,
        result=run.result,
        ended=ended,
        turns=turns,
        happened=fate.happened,
        stops=fate.stops,
        pauses=list(zip(fate.pauses[::2], [*fate.pauses[1::2], ended], strict=False)),
        tried=network.tried,
        talk_of_the_console=console.getvalue(),
    )


def unstopped(scenario: Scenario) -> Scenario:
    """The same, and nobody stops it."""
    return replace(scenario, faults=tuple(f for f in scenario.faults if not f.stops))


def in_better_times(scenario: Scenario) -> Scenario:
    """The same without faults, with sessions that live as long as the service's do."""
    return replace(scenario, faults=(), habits=replace(scenario.habits, life_s=LONGEST_SESSION_S))
