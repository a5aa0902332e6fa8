"""Scenarios as hypothesis draws them: a recording, a service, and several faults."""

from dataclasses import replace

from hypothesis import strategies as st

from tests.simulated.faults import CLOSES, ERRORS, FORBIDDEN, HTTP, REFUSALS, STOPS, Fault
from tests.simulated.scenario import Scenario
from tests.simulated.service import Ending, Formats, Habits

_WHOM = st.sampled_from(["newest", "oldest", "all"])
_SHORT = st.floats(0.0, 1.5)


def _moments(seconds: float, words: int) -> st.SearchStrategy[tuple[str, float]]:
    """When: at a time, a word, or an event between the two sides of a session."""
    return st.one_of(
        st.tuples(st.just("time"), st.floats(0.0, seconds + 15)),
        st.tuples(st.just("word"), st.integers(1, words).map(float)),
        st.tuples(st.sampled_from(["open", "begin", "terminate"]), st.integers(1, 4).map(float)),
    )


@st.composite
def _faults(draw: st.DrawFn, seconds: float, words: int) -> Fault:
    event, count = draw(_moments(seconds, words))
    after = draw(st.one_of(st.just(0.0), _SHORT))
    kind, seconds_of_it, value = draw(
        st.one_of(
            st.tuples(st.sampled_from(["reset", "cut", "vanish"]), st.just(0.0), st.none()),
            st.tuples(st.just("close"), st.just(0.0), st.sampled_from(CLOSES)),
            st.tuples(st.just("error"), st.just(0.0), st.sampled_from(sorted(ERRORS))),
            st.tuples(st.just("stall"), st.floats(0.1, 40.0), st.none()),
            st.tuples(st.just("delay"), st.floats(0.1, 30.0), st.floats(0.1, 6.0)),
            st.tuples(st.just("slow"), st.floats(1.0, 40.0), st.floats(2_000, 60_000)),
            st.tuples(st.sampled_from(["down", "silence"]), st.floats(0.1, 60.0), st.none()),
            st.tuples(st.just("refuse"), st.floats(0.1, 40.0), st.sampled_from((*HTTP, FORBIDDEN))),
            st.tuples(st.just("no begin"), st.floats(0.1, 10.0), st.none()),
            st.tuples(st.just("unplug"), st.one_of(_SHORT, st.floats(1.5, 50.0)), st.none()),
            st.tuples(st.just("sleep"), st.one_of(_SHORT, st.floats(1.5, 90.0)), st.none()),
            st.tuples(st.just("unformatted"), st.floats(0.1, 30.0), st.none()),
            st.tuples(
                st.just("ending"), st.floats(0.0, 20.0), st.sampled_from([str(e) for e in Ending])
            ),
            st.tuples(st.just("hold"), st.floats(0.5, 20.0), st.none()),
        )
    )
    return Fault(kind, event, count, after, seconds_of_it, value, draw(_WHOM))


@st.composite
def _ends(draw: st.DrawFn, seconds: float, words: int) -> Fault:
    """What no further session helps against: a refusal, or a fault of ours."""
    event, count = draw(_moments(seconds, words))
    kind, seconds_of_it, value = draw(
        st.one_of(
            st.tuples(st.just("refusal"), st.just(0.0), st.sampled_from(sorted(REFUSALS))),
            st.tuples(st.sampled_from(["fault", "break"]), st.just(0.0), st.none()),
            st.tuples(st.just("faulty"), st.floats(0.1, 20.0), st.none()),
        )
    )
    return Fault(kind, event, count, draw(_SHORT), seconds_of_it, value, draw(_WHOM))


@st.composite
def _users(draw: st.DrawFn, seconds: float, words: int) -> Fault:
    """What the user does, but stop."""
    event, count = draw(_moments(seconds, words))
    kind = draw(st.sampled_from(["pause", "mute", "endpoint"]))
    lasts = draw(st.one_of(st.floats(0.2, 5.0), st.floats(50.0, 80.0)))
    return Fault(kind, event, count, draw(_SHORT), lasts)


@st.composite
def _pauses_amid_trouble(draw: st.DrawFn, seconds: float, words: int) -> list[Fault]:
    """A pause, and a session that ends shortly before or in it."""
    event, count = draw(_moments(seconds, words))
    kind, value = draw(st.sampled_from([("reset", None), ("close", 1011), ("error", 1008)]))
    lasts = draw(st.floats(5.0, 30.0))
    return [
        Fault("pause", event, count, draw(_SHORT), lasts),
        Fault(kind, event, count, draw(st.floats(0.0, 4.0)), 0.0, value, "oldest"),
    ]


@st.composite
def _absences_amid_trouble(draw: st.DrawFn, seconds: float, words: int) -> list[Fault]:
    """A machine that sleeps, a moment before or after it does again, or its microphone goes, and a
    session breaks off.
    """
    event, count = draw(_moments(seconds, words))
    kind, value = draw(st.sampled_from([("reset", None), ("close", 1011), ("error", 3005)]))
    soon, lasts = st.floats(0.0, 0.6), st.one_of(_SHORT, st.floats(1.5, 60.0))
    return [
        Fault("sleep", event, count, draw(soon), draw(lasts)),
        Fault(draw(st.sampled_from(["sleep", "unplug"])), event, count, draw(soon), draw(lasts)),
        Fault(kind, event, count, draw(soon), 0.0, value),
    ]


@st.composite
def _stops(draw: st.DrawFn, seconds: float, words: int) -> Fault:
    event, count = draw(_moments(seconds, words))
    return Fault(draw(st.sampled_from(STOPS)), event, count, draw(_SHORT), draw(st.floats(0, 20)))


@st.composite
def _habits(draw: st.DrawFn, per_minute: int | None, often: bool) -> Habits:
    # Shorter than any token allows, so that sessions follow each other often.
    # With five sessions a minute, shorter ones could not even keep up.
    least, most = (8.0, 20.0) if per_minute is None else (40.0, 60.0)
    wrong = st.just(0.0) if often else st.sampled_from([3600.0, -3600.0])
    slow_begin = st.floats(1.0, 3.0) if often else st.floats(1.0, 12.0)
    return Habits(
        turn_words=draw(st.integers(1, 12)),
        silence_ms=draw(st.integers(300, 1500)),
        lag_s=draw(st.floats(0.01, 0.6)),
        formats=draw(st.sampled_from(list(Formats))),
        format_s=draw(st.floats(0.05, 2.0)),
        begin_s=draw(st.one_of(st.floats(0.01, 0.5), st.floats(0.01, 1.0), slow_begin)),
        life_s=draw(st.floats(least, most)) if often else 10_800.0,
        per_minute=per_minute,
        skew_s=draw(st.one_of(st.just(0.0), st.floats(-1.0, 1.0), wrong)),
    )


def _stretches(often: bool) -> st.SearchStrategy[list[tuple[int, float]]]:
    """A talk; where sessions are short, a longer one without pauses as long as a session."""
    words, short, long = st.integers(1, 40), st.floats(0.0, 3.0), st.floats(3.0, 12.0)
    if often:
        return st.lists(st.tuples(words, short), min_size=8, max_size=16)
    return st.lists(st.tuples(words, st.one_of(short, short, long)), min_size=1, max_size=6)


@st.composite
def _side_losses(draw: st.DrawFn, seconds: float, words: int) -> Fault:
    """A side of a call is gone, or both are."""
    event, count = draw(_moments(seconds, words))
    lasts = draw(st.one_of(_SHORT, st.floats(1.5, 50.0)))
    side = draw(st.sampled_from([None, 0, 1]))
    return Fault("unplug", event, count, draw(_SHORT), lasts, side)


@st.composite
def calls(draw: st.DrawFn, how: str, stopped: bool | None = None) -> Scenario:
    """A call amid the same faults, and devices that go; `how`: "mix" or "each"."""
    scenario = draw(scenarios(stopped, kind="mic"))
    seconds = sum(count / 10 + pause for count, pause in scenario.stretches)
    words = sum(count for count, _ in scenario.stretches)
    losses = draw(st.lists(_side_losses(seconds, words), min_size=1, max_size=3))
    return replace(scenario, call=how, faults=(*scenario.faults, *losses))


@st.composite
def scenarios(draw: st.DrawFn, stopped: bool | None = None, kind: str | None = None) -> Scenario:
    """A recording and up to ten things that go wrong; `stopped`: by the user, before its end."""
    often = draw(st.integers(0, 3)) > 0  # one session follows another
    stretches = draw(_stretches(often))
    words = sum(count for count, _ in stretches)
    seconds = sum(count / 10 + pause for count, pause in stretches)
    kind = kind or draw(st.sampled_from(["mic", "mic", "file", "stdin"]))
    limited = kind == "mic" or draw(st.integers(0, 3)) > 0
    per_minute = 5 if limited and draw(st.integers(0, 3)) == 0 else None
    most, ends = draw(st.sampled_from([1, 3, 5])), draw(st.sampled_from([0, 0, 1, 2]))
    faults = draw(st.lists(_faults(seconds, words), min_size=1, max_size=most))
    amid = draw(st.integers(0, 4))
    if amid == 0:
        faults += draw(_pauses_amid_trouble(seconds, words))
    elif amid == 1 and kind != "file":
        faults += draw(_absences_amid_trouble(seconds, words))
    else:
        faults += draw(st.lists(_users(seconds, words), max_size=2))
    faults += draw(st.lists(_ends(seconds, words), max_size=ends))
    if stopped if stopped is not None else draw(st.booleans()):
        faults.append(draw(_stops(seconds, words)))
    return Scenario(
        seed=draw(st.integers(0, 1 << 20)),
        kind=kind,
        lead_s=draw(st.floats(0.0, 2.0)),
        stretches=tuple(stretches),
        chunk_ms=draw(st.sampled_from([50, 50, 100, 270])),
        pace=(1.0 if limited else None),
        limited=limited,
        per_minute=per_minute,
        latency_s=draw(st.floats(0.001, 0.3)),
        jitter_s=draw(st.floats(0.0, 0.2)),
        habits=draw(_habits(per_minute, often)),
        faults=tuple(faults),
        most_s=draw(st.one_of(st.none(), st.none(), st.none(), st.floats(0.5, seconds + 5))),
    )
