"""What must hold of every run, whatever went wrong."""

from array import array
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import NamedTuple

from tests.fault_figures import Figures
from tests.simulated.scenario import (
    AUDIO,
    THEY_SAY,
    Outcome,
    Record,
    Scenario,
    in_better_times,
    play,
    unstopped,
)
from tests.simulated.service import ARRIVALS_WITHIN_S, Seen
from tests.simulated.source import BLOCK_S
from tests.simulated.talk import RATE, Heard, words_in
from transcribe_cli.audio.device_timeline import JUMP_S
from transcribe_cli.errors import IncompleteError
from transcribe_cli.exit_status import ExitStatus
from transcribe_cli.recordings.journal import NO_AUDIO
from transcribe_cli.run.sequencer import LONGEST_TURN_MS
from transcribe_cli.session.pacing import CATCH_UP, LATE_S

TOLERANCE_MS = 20
_OFF_CLOCK_MS = 1
_UNSEEN_S = JUMP_S + BLOCK_S  # a shorter sleep alone is not told from audio that is held up
_LEAST_CHUNK, _MOST_CHUNK = RATE // 20, RATE
_LONG_OUTAGE_S = 100.0  # a source that can wait does not wait for ever
OURS = ("break", "fault", "faulty")
_AWAY = ("stall", "silence", "delay", "slow")
_DRAIN_S = 16.0  # so long an answer to Terminate is waited for, and a little more
_LATE_S = 10.0  # an answer to Terminate that is not waited for much longer
_SHORT_S = 2.5
_KEY_S = 0.01  # until a key is heard
_PARKED_S = 60.0 + 16.0  # of pause: then a session has been told to end, and has
_END_S = 36.0  # to connect, to send the last words and to hear the answer to them
_LAST_MOMENT = RATE  # may go out at once when a session is ended where it is


@dataclass(frozen=True)
class Words:
    """The words of a run's finals against what was said.

    Attributes:
        said: how many of them there were.
        lost, doubled: words, by their numbers.
        missing_at_end: words after the last final one.
    """

    said: int
    lost: list[int]
    doubled: list[int]
    missing_at_end: int
    ordered: bool
    greatest_error_ms: int


def compare(outcome: Outcome) -> Words:
    """Words that were themselves cut short, by a pause or the end, may be heard or not."""
    said = [word for word in outcome.said if word.is_whole]
    whole = {word.number: word for word in said}
    heard = [word for turn in outcome.finals for word in turn["words"]]
    numbers = [int(word["text"][1:]) for word in heard]
    known = [(number, word) for number, word in zip(numbers, heard, strict=True) if number in whole]
    errors = [
        abs(word[edge] - at * 1000 / RATE)
        for number, word in known
        for edge, at in (("start", whole[number].start), ("end", whole[number].end))
    ]
    found = set(numbers)
    last = max((index for index, word in enumerate(said) if word.number in found), default=-1)
    return Words(
        said=len(said),
        lost=[word.number for word in said[: last + 1] if word.number not in found],
        doubled=sorted({number for number in numbers if numbers.count(number) > 1})
        if len(found) < len(numbers)
        else [],
        missing_at_end=len(said) - last - 1,
        ordered=numbers == sorted(numbers),
        greatest_error_ms=round(max(errors, default=0)),
    )


def check(outcome: Outcome) -> Words:
    """All that must hold of a run, complete or not."""
    _check_deadlines(outcome)
    _check_pauses(outcome)
    words = compare(outcome)
    _check_wall_clock(outcome)
    assert not words.lost, words
    assert not words.doubled, words
    assert words.ordered, words
    assert words.greatest_error_ms <= TOLERANCE_MS, words
    _check_records(outcome.records)
    _check_summary(outcome, words)
    for seen in outcome.service.sessions:
        _check_session(outcome, seen)
    _check_arrivals(outcome)
    return words


def must_be_complete(outcome: Outcome) -> bool:
    """Whether nothing that happened excuses a word that is not final."""
    if outcome.scenario.stopped or not any(r["type"] == "Begin" for r in outcome.records):
        return False
    faults = [fault for _, fault in outcome.happened]
    endings = [fault for fault in faults if fault.kind == "ending"]
    last = outcome.service.sessions[-1]
    if any(fault.whom == "all" or fault.seconds > _LATE_S for fault in endings):
        return False
    if endings and not last.confirmed:
        return False
    kinds = {fault.kind for fault in faults}
    if kinds & {"refusal", *OURS}:
        return False
    if "hold" in kinds and kinds & {"stall", "vanish", "down", "silence", "delay", "slow"}:
        return False  # who is away cannot tell a dead connection from one that is slow to end
    if (outcome.result.problem is None or _is_limited(outcome)) and any(
        fault.kind in _AWAY and at < outcome.ended < at + fault.seconds + _DRAIN_S
        for at, fault in outcome.happened
    ):
        return False  # the last words did not get through in time
    if (
        kinds & {"mute", "unplug", "sleep"}
        and outcome.scenario.habits.life_s < LONGEST_TURN_MS / 1000
    ):
        return False  # no session lives long enough to tell silence from words that come late
    outages = ("down", "silence", "refuse", "stall")
    return sum(fault.seconds for fault in faults if fault.kind in outages) < _LONG_OUTAGE_S


def check_complete(outcome: Outcome) -> None:
    """Every word is final, and the summary says so."""
    words = compare(outcome)
    assert words.missing_at_end == 0, words
    limited = _is_limited(outcome)
    assert outcome.result.summary["complete"] is not limited, outcome.result
    assert outcome.result.summary["lost_ms"] == outcome.result.summary["missing_ms"]
    assert outcome.result.problem is None or limited or _is_gone(outcome)
    assert not limited or outcome.scenario.most_s is not None


def _is_limited(outcome: Outcome) -> bool:
    """Whether a file or a pipe says that it was stopped before its end, which nothing else did."""
    return isinstance(outcome.result.problem, IncompleteError)


def _is_gone(outcome: Outcome) -> bool:
    """Whether the microphone was gone at the end."""
    told = [r["type"] for r in outcome.records if r["type"] in ("DeviceLost", "DeviceBack")]
    return told[-1:] == ["DeviceLost"]


def _device_gaps(outcome: Outcome) -> list[tuple[int, int]]:
    """Where the microphone gave no audio, in this run or an earlier one."""
    gaps = [r for r in outcome.records if r["type"] == "Gap"]
    return [(gap["start"], gap["end"]) for gap in gaps if gap["reason"] == NO_AUDIO]


def _check_wall_clock(outcome: Outcome) -> None:
    """A microphone that goes and comes moves nothing; the recording's clock stands in pauses."""
    if outcome.scenario.kind != "mic" or outcome.earlier or outcome.pauses:
        return
    short = [f.seconds for _, f in outcome.happened if f.kind == "sleep" and f.seconds < _UNSEEN_S]
    most_ms = min(sum(short), _UNSEEN_S) * 1000 + _OFF_CLOCK_MS
    said = [(outcome.scenario.talk, outcome.said)]
    if outcome.scenario.call:
        said = list(zip(outcome.scenario.talks, sides_of(outcome), strict=True))
    for talk, words in said:
        for word in words:
            if word.is_whole:
                off_ms = abs(word.start - talk.starts[word.number - talk.first]) * 1000 / RATE
                assert off_ms <= most_ms, f"{word} is {off_ms:.0f} ms away from the wall's clock"


def _check_records(records: Sequence[Record]) -> None:
    assert [record["seq"] for record in records] == list(range(len(records)))
    finals = [r for r in records if r["type"] == "Turn" and r["final"]]
    assert [turn["turn"] for turn in finals] == list(range(len(finals)))
    ends = [turn["end"] for turn in finals]
    assert ends == sorted(ends)
    told = [turn["session"] for turn in finals]
    assert told == sorted(told), "a session's turns after those of the next"
    assert records[0]["type"] == "Recording"
    assert records[-1]["type"] == "Summary"
    _check_order(records)


def _check_order(records: Sequence[Record]) -> None:
    """What is told of sessions comes in the order of what happened."""
    begun: set[int] = set()
    ended: set[int] = set()
    off = False
    newest = -1
    for record in records:
        session: int = record.get("session", -1)
        match record["type"]:
            case "Begin":
                assert session not in begun
                begun.add(session)
            case "Turn":
                assert session in begun
                assert session not in ended, "a Turn after its session's end"
            case "Termination":
                ended.add(session)
                off = True
            case "Rollover":
                assert record["next_session"] > session
                newest = record["next_session"]
            case "Disconnected" | "Paused" | "Resumed":
                off = True
            case "Reconnected":
                assert off, "connected again, and was never told to be off"
                assert session > newest or newest == session
                newest, off = session, False


def _check_summary(outcome: Outcome, words: Words) -> None:
    summary, records = outcome.result.summary, outcome.records
    last = {name: records[-1][name] for name in summary}
    assert last == summary
    finals = outcome.finals
    assert summary["turns"] == len(finals)
    assert summary["words"] == sum(len(turn["words"]) for turn in finals)
    silent = _device_gaps(outcome)
    gaps = [r for r in records if r["type"] == "Gap" and r["reason"] != NO_AUDIO]
    assert summary["missing_ms"] == sum(end - start for start, end in silent)
    unheard_ms = sum(gap["end"] - gap["start"] for gap in gaps)
    for start, end in silent:
        unheard_ms -= sum(max(0, min(end, g["end"]) - max(start, g["start"])) for g in gaps)
    assert summary["lost_ms"] == summary["missing_ms"] + unheard_ms
    if summary["complete"]:
        assert words.missing_at_end == 0, words
        assert not gaps
        assert outcome.result.problem is None or _is_gone(outcome)
    elif outcome.scenario.kind == "stdin" and outcome.scenario.most_s is not None and not gaps:
        assert words.missing_at_end == 0, words  # all that the limit has let in is there
    elif outcome.scenario.kind != "file":
        start = max((turn["end"] for turn in finals if turn["words"]), default=0)
        end = AUDIO.ms(outcome.frames)
        if silent and silent[-1][1] == end:
            end = silent[-1][0]
        assert [(gap["start"], gap["end"]) for gap in gaps] == ([(start, end)] * (end > start))
    if summary["terminated"]:
        for seen in outcome.service.sessions:
            known = seen.begun and not outcome.never_told(seen)
            assert not known or seen.confirmed or seen.closed_here, "its end was never confirmed"
    _check_status(outcome)


def _check_status(outcome: Outcome) -> None:
    result = outcome.result
    status, complete = result.exit_status, result.summary["complete"]
    stops = [cause for _, cause in outcome.stops]
    if outcome.scenario.kind != "mic" and stops:
        by_term = stops[0] == "SIGTERM"
        assert status is (ExitStatus.TERMINATED if by_term else ExitStatus.INTERRUPTED), result
    elif stops.count("SIGINT") > 1:
        assert status is ExitStatus.INTERRUPTED, result
    elif complete:
        gone = _is_gone(outcome) and status is ExitStatus.AUDIO
        assert gone or status is ExitStatus.OK, result
    else:
        kinds = {fault.kind for _, fault in outcome.happened}
        problem = result.problem
        assert problem is None or problem.exit_status is status, "another code than is told"
        assert status is not ExitStatus.USAGE, result
        assert status is not ExitStatus.AUDIO or kinds & {"break", "unplug"}, result
        assert status is not ExitStatus.FAULT or kinds & {"fault", "faulty"}, result
        if "fault" in kinds:
            assert status not in (ExitStatus.OK, ExitStatus.INCOMPLETE), result


def _check_session(outcome: Outcome, seen: Seen) -> None:
    told = seen.terminated or seen.closed_here or seen.link.broken or seen.link.client.swallowed
    assert told, f"session {seen.number} was never told that it is over"
    meter = seen.link.client.meter
    if meter.largest:
        assert meter.smallest >= _LEAST_CHUNK, f"a chunk of {meter.smallest} frames"
        assert meter.largest <= _MOST_CHUNK, f"a chunk of {meter.largest} frames"
    if outcome.scenario.limited:
        at_once = ("pause", "unplug", "sleep", "fault", "faulty")
        ended_early = any(fault.stops or fault.kind in at_once for fault in outcome.scenario.faults)
        most = meter.largest + 2 + LATE_S * CATCH_UP * RATE + (_LAST_MOMENT if ended_early else 0)
        assert meter.ahead <= most, f"{meter.ahead:.0f} frames ahead of the time"


def _check_deadlines(outcome: Outcome) -> None:
    """Who asks for the end gets it soon, however things stand; a fault of ours asks for it too."""
    stops = outcome.stops
    held_s = sum(fault.seconds for _, fault in outcome.happened if fault.kind == "hold")
    for at, fault in outcome.happened:
        if fault.kind == "fault":
            assert outcome.ended - at <= _SHORT_S + held_s, "a fault of ours was not the end"
    if not stops:
        return
    forced = [at for at, cause in stops if cause == "SIGINT"][1:]
    if forced:
        assert outcome.ended - forced[0] <= _SHORT_S + held_s, "a second Ctrl+C was not enough"
    first = stops[0][0]
    # What a microphone has recorded is still sent, as fast as the service takes it.
    behind_s = 0.0 if outcome.scenario.kind != "mic" else outcome.frames / RATE
    took_s = outcome.ended - first
    assert took_s <= _END_S + held_s + behind_s, f"the end took {took_s:.0f} s"


def _check_pauses(outcome: Outcome) -> None:
    """Nobody speaks in a pause: no session is opened in one, nor left open through a long one."""
    held_s = sum(fault.seconds for _, fault in outcome.happened if fault.kind == "hold")
    ends = [at for at, _ in outcome.stops]
    ends += [at for at, fault in outcome.happened if fault.kind in OURS]
    for start, end in outcome.pauses:
        heard = start + _KEY_S + held_s
        until = min([end, *(at for at in ends if at > start)])
        opened = [at for at in outcome.tried if heard < at < until]
        assert not opened, f"opened in a pause: {opened}"
        for seen in outcome.service.sessions:
            closed = seen.link.client.closed_at
            left_open = seen.opened < start and (closed is None or closed > heard + _PARKED_S)
            assert not left_open or until <= heard + _PARKED_S, "open, and billed, in a long pause"


def _check_arrivals(outcome: Outcome) -> None:
    limit = outcome.scenario.per_minute
    arrivals = outcome.service.arrivals
    if limit is not None:
        for first, later in zip(arrivals, arrivals[limit:], strict=False):
            assert later - first > ARRIVALS_WITHIN_S, "too many sessions in a minute"


def met_in(outcome: Outcome) -> Counter[str]:
    """What the supervisor had to deal with, alone and together, by what is seen from outside."""
    records = outcome.records[outcome.earlier :]
    told = Counter(record["type"] for record in records)
    kinds = Counter(fault.kind for _, fault in outcome.happened)
    sessions = outcome.service.sessions
    followers = [
        seen
        for seen, before in zip(sessions[1:], sessions, strict=False)
        if seen.begun and (before.ended is None or before.ended > seen.opened)
    ]
    met = Counter(
        {
            "followers begun": len(followers),
            "hand-overs": told["Rollover"],
            "pauses": told["Paused"],
            "devices gone": told["DeviceLost"],
            "refusals": kinds["refusal"],
            "faults of ours": sum(kinds[kind] for kind in OURS),
            "stops": len(outcome.stops),
        }
    )
    single = sorted(name for name in met if met[name])
    met.update(f"{one} x {other}" for one, other in combinations(single, 2))
    return met


class Survival(NamedTuple):
    """What came of a scenario, and what was met in it."""

    figures: Figures
    met: Counter[str]


def survive(scenario: Scenario) -> Survival:
    """Play a scenario, and take it up again where it was not finished; what came of it.

    It is taken up amid the same faults once more, and after that in better times.

    Raises:
        AssertionError: something that must hold of every run did not.
    """
    outcome = play(scenario)
    words = check(outcome)
    if must_be_complete(outcome):
        check_complete(outcome)
    faults, met = len(outcome.happened), met_in(outcome)
    for times in (unstopped(scenario), in_better_times(scenario)):
        if not outcome.result.summary["complete"]:
            outcome = play(times, before=(outcome.audio, outcome.records))
            words = check(outcome)
            met.update(met_in(outcome))
            faults += len(outcome.happened)
    check_complete(outcome)
    figures = Figures(
        runs=1,
        faults=faults,
        words=words.said,
        lost=len(words.lost) + words.missing_at_end,
        doubled=len(words.doubled),
        greatest_error_ms=words.greatest_error_ms,
    )
    return Survival(figures, met)


def compare_call(outcome: Outcome) -> list[Words]:
    """The same of each side of a call."""
    found = []
    for side, said in enumerate(sides_of(outcome)):
        words = [word for turn in outcome.finals for word in turn["words"]]
        own = [w for w in words if (int(w["text"][1:]) >= THEY_SAY) == bool(side)]
        found.append(compare(replace(outcome, said=said, records=[_turn_of(own)])))
    return found


def _turn_of(words: list[Record]) -> Record:
    return {"type": "Turn", "final": True, "words": words}


def sides_of(outcome: Outcome) -> list[list[Heard]]:
    """The words on each track of a call."""
    both = array("h", outcome.audio)
    return [words_in(both[side::2].tobytes()) for side in (0, 1)]


def check_call(outcome: Outcome) -> list[Words]:
    """What must hold of a call: of each side each word once, in order, at its time."""
    _check_deadlines(outcome)
    _check_pauses(outcome)
    _check_wall_clock(outcome)
    all_words = compare_call(outcome)
    for words in all_words:
        assert not words.lost, words
        assert not words.doubled, words
        assert words.ordered, words
        assert words.greatest_error_ms <= TOLERANCE_MS, words
    if outcome.scenario.call == "each":
        for turn in outcome.finals:
            assert {int(w["text"][1:]) >= THEY_SAY for w in turn["words"]} <= {turn["channel"] == 1}
    else:
        _check_records(outcome.records)
    for seen in outcome.service.sessions:
        _check_session(outcome, seen)
    _check_arrivals(outcome)
    if outcome.result.summary["complete"]:
        assert not any(words.missing_at_end for words in all_words), all_words
    return all_words


def survive_call(scenario: Scenario) -> Survival:
    """As `survive`, of both sides of a call."""
    outcome = play(scenario)
    check_call(outcome)
    faults, met = len(outcome.happened), met_in(outcome)
    for times in (unstopped(scenario), in_better_times(scenario)):
        if not outcome.result.summary["complete"]:
            outcome = play(times, before=(outcome.audio, outcome.records))
            check_call(outcome)
            met.update(met_in(outcome))
            faults += len(outcome.happened)
    assert outcome.result.summary["complete"] is True, outcome.result
    sides = check_call(outcome)
    figures = Figures(
        runs=1,
        faults=faults,
        words=sum(words.said for words in sides),
        lost=sum(len(words.lost) + words.missing_at_end for words in sides),
        doubled=sum(len(words.doubled) for words in sides),
        greatest_error_ms=max(words.greatest_error_ms for words in sides),
    )
    return Survival(figures, met)
