"""Faults that once cost something, each as small as it gets, and what must come of it."""

from dataclasses import replace

import pytest

from tests.simulated import network
from tests.simulated.faults import Fault
from tests.simulated.judging import check, check_complete, survive
from tests.simulated.scenario import CALM, Outcome, Scenario, in_better_times, play
from tests.simulated.service import Formats, Habits
from tests.simulated.talk import RATE
from transcribe_cli.exit_status import ExitStatus

SHORT = replace(CALM.habits, life_s=20.0)
# Its sessions are short, and no turn ends by which one could follow another: it has to be forced.
ONE_TURN = replace(CALM.habits, life_s=100.0, turn_words=1000, silence_ms=5000)


def scenario(*faults: Fault, kind: str = "mic", habits: Habits = CALM.habits) -> Scenario:
    return replace(CALM, kind=kind, habits=habits, per_minute=None, faults=faults)


def types(outcome: Outcome) -> list[str]:
    return [record["type"] for record in outcome.records if record["type"] != "Turn"]


def test_an_ordinary_day() -> None:
    outcome = play(scenario())
    check(outcome)
    check_complete(outcome)
    assert types(outcome) == ["Recording", "Begin", "Termination", "Summary"]
    (seen,) = outcome.service.sessions
    assert seen.ended is not None
    billed_s = outcome.result.summary["session_s"]
    assert billed_s == pytest.approx(seen.ended - seen.opened, abs=0.01)


def test_main_rests_while_a_paused_session_is_not_open_yet() -> None:
    slowly = replace(scenario(Fault("pause", "time", 0.0, seconds=5.0), kind="file"), latency_s=2.0)
    outcome = play(slowly)  # one that turns and turns would be `Stuck`
    check(outcome)
    check_complete(outcome)


def test_only_what_was_sent_while_the_end_of_a_turn_was_under_way_is_sent_again() -> None:
    outcome = play(replace(scenario(kind="file", habits=SHORT), stretches=((450, 0.0),), pace=2.0))
    check_complete(outcome)
    (rollover,) = (record for record in outcome.records if record["type"] == "Rollover")
    again_s = outcome.service.sessions[0].link.client.meter.all / RATE - rollover["at"] / 1000
    under_way_s = 2 * (CALM.latency_s + CALM.jitter_s) + SHORT.lag_s + CALM.chunk_ms / 1000
    assert 0.0 <= again_s <= 2.0 * under_way_s


def test_a_stop_while_the_next_session_is_connecting_waits_for_nothing() -> None:
    """Who was to follow is told no more; main does not turn meanwhile, nor wait out a deadline."""
    quiet_line = Fault("silence", "time", 17.9, seconds=0.4)
    talk = replace(scenario(quiet_line, Fault("SIGINT", "time", 20.0), habits=SHORT), stretches=())
    talk = replace(talk, stretches=((100, 60.0),))
    outcome = play(talk)
    check(outcome)
    assert outcome.ended < 22.0
    assert outcome.turns < 2000


@pytest.mark.parametrize("tenth", [4, 8, 0, 1, 2, 3, 5, 6, 7, 9])
@pytest.mark.first(2)
def test_a_session_given_up_while_it_connects_is_ended_if_it_opens_all_the_same(
    tenth: int,
) -> None:
    """The upgrade comes through just when the run has stopped wanting it."""
    slow = replace(scenario(habits=replace(SHORT, begin_s=0.1)), stretches=((300, 0.0),))
    stop = Fault("SIGINT", "time", 18.0 + tenth / 10)
    check(play(replace(slow, latency_s=0.4, faults=(stop,))))


@pytest.mark.long
def test_what_the_next_session_said_does_not_count_where_the_one_before_owes_words() -> None:
    """The old session ends without its last answer, after the new one has said words already."""
    outcome = play(
        replace(
            scenario(
                Fault("ending", "time", 1.0, seconds=9.0, value="proper", whom="all"),
                Fault("reset", "terminate", 1, after_s=5.0, whom="oldest"),
                habits=replace(CALM.habits, life_s=100.0, turn_words=1, silence_ms=300),
            ),
            stretches=((20, 96.0), (60, 1.0), (20, 3.0)),
        )
    )
    check(outcome)
    check_complete(outcome)
    assert types(outcome).count("Rollover") == 1


def test_turns_are_told_before_the_end_of_their_session() -> None:
    """Also those that waited for a formatted version."""
    waits = replace(CALM.habits, formats=Formats.NEVER)
    outcome = play(replace(scenario(habits=waits), stretches=((50, 0.1),)))
    check(outcome)
    names = [record["type"] for record in outcome.records]
    assert names[-2:] == ["Termination", "Summary"]


@pytest.mark.long
def test_a_line_that_breaks_every_few_seconds_ends_no_file() -> None:
    """Each session brings the recording forward, so none of them is a failure."""
    breaks = tuple(Fault("reset", "begin", count, after_s=6.0) for count in range(1, 30))
    outcome = play(replace(scenario(*breaks, kind="file"), stretches=((900, 0.0),)))
    check(outcome)
    check_complete(outcome)
    assert len(outcome.happened) > 12


@pytest.mark.long
def test_a_service_that_never_ends_a_session_in_time_is_not_asked_for_ever() -> None:
    """Nothing is left but to end, and each try is billed."""
    late = Fault("ending", "time", 0.0, seconds=14.0, value="proper", whom="all")
    outcome = play(
        replace(
            scenario(late, kind="file", habits=replace(SHORT, life_s=25.0)),
            stretches=((40, 20.0),),
        ),
        ends_at=1000.0,
    )
    check(outcome)
    assert outcome.result.summary["words"] == 40
    assert outcome.result.summary["complete"] is False


@pytest.mark.parametrize("seed", range(6))  # it is chance which message the rollover comes with
@pytest.mark.first(1)
def test_a_late_formatted_version_does_not_move_a_rollover_back(seed: int) -> None:
    """It ends a turn too, but not the last one: where the next session starts is behind that."""
    habits = replace(CALM.habits, formats=Formats.TWICE, format_s=1.2, turn_words=2, life_s=60.0)
    outcome = play(replace(scenario(habits=habits), stretches=((800, 1.0),), seed=seed))
    check(outcome)
    check_complete(outcome)
    assert types(outcome).count("Rollover") == 1


@pytest.mark.long
def test_the_session_that_follows_breaks_while_the_one_before_is_slow_to_end() -> None:
    """What that one has made final is not said again, and its end is not waited for."""
    outcome = play(
        replace(
            scenario(
                Fault("ending", "terminate", 1, seconds=12.0, value="proper"),
                Fault("ending", "time", 1.0, seconds=12.0, value="proper"),
                Fault("reset", "terminate", 1, after_s=1.0, whom="newest"),
                habits=replace(CALM.habits, life_s=300.0),
            ),
            stretches=((3200, 1.0),),
        )
    )
    check(outcome)
    check_complete(outcome)
    assert types(outcome).count("Disconnected") == 1


@pytest.mark.long
def test_a_dropped_session_that_never_ends_is_closed_in_the_end() -> None:
    """It is billed for as long as it is open."""
    outcome = play(
        replace(
            scenario(
                Fault("ending", "time", 1.0, value="never"),
                Fault("reset", "terminate", 1, after_s=1.0, whom="newest"),
                habits=replace(CALM.habits, life_s=300.0),
            ),
            stretches=((3600, 1.0),),
        )
    )
    check(outcome)
    check_complete(outcome)
    first = outcome.service.sessions[0]
    assert first.ended is not None
    assert first.ended < 291.0 + 30.0


@pytest.mark.long
def test_who_was_to_follow_goes_while_the_session_before_looks_for_its_end() -> None:
    """A forced rollover without a follower is a session's end, not the recording's."""
    forced = scenario(habits=replace(CALM.habits, life_s=20.0, turn_words=40))
    alone = 0
    for hundredth in range(0, 20, 5):
        # So long it takes from 97 % of the session's life to a pause between two words.
        gone = Fault("reset", "time", 19.4 + hundredth / 100, whom="newest")
        outcome = play(replace(forced, stretches=((300, 1.0),), faults=(gone,)))
        check(outcome)
        check_complete(outcome)
        alone += "Rollover" not in types(outcome)
    assert alone


def test_a_second_interrupt_at_once_does_not_call_a_recording_complete_that_is_not() -> None:
    twice = Fault("SIGINT twice", "time", 3.02)
    outcome = play(replace(scenario(twice), latency_s=0.001))
    check(outcome)
    assert outcome.result.summary["complete"] is False


def test_a_close_without_termination_and_before_the_last_words_is_not_called_complete() -> None:
    """The service had said nothing yet of what it was sent."""
    outcome = play(
        scenario(
            Fault("SIGTERM", "open", 1, after_s=2.0),
            Fault("close", "terminate", 1, value=1000),
            habits=replace(CALM.habits, lag_s=2.0),
        )
    )
    words = check(outcome)
    assert words.missing_at_end > 0
    assert outcome.result.summary["complete"] is False
    assert outcome.result.exit_status is ExitStatus.INCOMPLETE


@pytest.mark.long
def test_a_session_that_owes_words_when_the_file_has_ended_is_made_up_for() -> None:
    """A file's reader is at the end long before the words are."""
    outcome = play(
        replace(
            scenario(
                Fault("ending", "time", 1.0, seconds=8.0, value="proper"),
                Fault("reset", "terminate", 1, after_s=2.0, whom="oldest"),
                kind="file",
                habits=ONE_TURN,
            ),
            stretches=((1, 2.9),) * 34,
        )
    )
    check(outcome)
    check_complete(outcome)


@pytest.mark.long
def test_a_follower_that_steps_in_for_a_broken_session_has_a_whole_life() -> None:
    """It was ready when the one before broke off, and is not itself replaced at once."""
    breaks = Fault("reset", "time", 19.0, whom="oldest")
    outcome = play(
        replace(
            scenario(breaks, habits=replace(CALM.habits, life_s=20.0, turn_words=40)),
            stretches=((300, 1.0),),
        )
    )
    check(outcome)
    check_complete(outcome)
    assert len(outcome.service.sessions) == 2


def test_a_stop_ends_a_follower_that_has_nothing_to_say_at_once() -> None:
    stop = Fault("SIGINT", "time", 19.2)
    outcome = play(
        replace(
            scenario(stop, habits=replace(CALM.habits, life_s=20.0, turn_words=40)),
            stretches=((300, 1.0),),
        )
    )
    check(outcome)
    assert [seen.confirmed for seen in outcome.service.sessions] == [True, True]
    assert outcome.ended < 21.0


@pytest.mark.parametrize("tenth", [4, 0, 2, 6, 8])
@pytest.mark.first(2)
def test_a_stop_sends_no_backlog_at_once_where_a_rollover_was_being_forced(tenth: int) -> None:
    """The pipe has ended long ago, and half a minute of it is still to be sent."""
    outage = Fault("down", "time", 3.0, seconds=25.0)
    behind = scenario(kind="stdin", habits=replace(CALM.habits, life_s=20.0, turn_words=200))
    # The second session's time is up soon, and it has been told to end at a pause.
    stop = Fault("SIGTERM", "begin", 2, after_s=18.5 + tenth / 10)
    outcome = play(replace(behind, stretches=((400, 1.0),), faults=(outage, stop)))
    check(outcome)
    assert outcome.stops


def test_a_second_interrupt_ends_a_run_within_two_seconds_also_amid_a_rollover() -> None:
    """Neither session answers any more, and they are not waited for one after the other."""
    outcome = play(
        replace(
            scenario(
                Fault("delay", "time", 18.9, seconds=30.0, value=8.0),
                Fault("SIGINT twice", "time", 19.1, seconds=0.1),
                habits=replace(CALM.habits, life_s=20.0, turn_words=40),
            ),
            stretches=((300, 1.0),),
        )
    )
    check(outcome)
    assert len(outcome.service.sessions) == 2
    assert outcome.ended < 21.5


def old_is_slow(*faults: Fault, answer_s: float) -> Outcome:
    """The second session takes over at 970 s, and ends at 981 s, before the first one does."""
    outcome = play(
        replace(
            scenario(
                Fault("ending", "time", 1.0, seconds=answer_s, value="proper"),
                *faults,
                habits=replace(CALM.habits, life_s=1000.0, turn_words=50, silence_ms=10_000),
            ),
            stretches=((1, 9.9),) * 98,
        )
    )
    check(outcome)
    assert types(outcome).count("Rollover") == 1
    return outcome


@pytest.mark.long  # the next one has all of this, and a break
def test_a_session_that_ends_before_the_one_it_follows_is_heard_after_it() -> None:
    check_complete(old_is_slow(answer_s=13.0))


@pytest.mark.long
def test_a_session_that_ends_before_the_one_it_follows_counts_only_with_that_one() -> None:
    """The old session owed words, and breaks off when the new one is over already."""
    breaks = Fault("reset", "terminate", 2, after_s=1.0, whom="oldest")
    outcome = old_is_slow(breaks, answer_s=13.0)
    check_complete(outcome)
    assert outcome.result.summary["sessions"] == len(outcome.service.sessions) == 3


@pytest.mark.long
def test_words_that_are_owed_to_the_end_are_not_called_complete() -> None:
    never = Fault("ending", "time", 2.0, value="never")
    stop = Fault("SIGINT", "time", 975.0)  # so no further session says them again
    outcome = old_is_slow(never, stop, answer_s=0.0)
    assert outcome.result.summary["complete"] is False
    assert outcome.result.exit_status in (ExitStatus.INCOMPLETE, ExitStatus.SERVICE)


def test_a_service_that_is_slow_to_hear_is_waited_for_while_words_come() -> None:
    """Such as a local one on a busy machine: a minute is left to hear when all of it is sent."""
    slow = replace(CALM.habits, hears_s=0.8)
    talk = replace(scenario(kind="file", habits=slow), pace=None, limited=False)
    outcome = play(replace(talk, stretches=((600, 1.0),)))
    check(outcome)
    check_complete(outcome)
    assert types(outcome) == ["Recording", "Begin", "Termination", "Summary"]
    assert outcome.ended > 60.0


@pytest.mark.parametrize("seconds", [5.0, 90.0])  # the session stays open, or is ended
def test_what_a_pipe_brings_in_a_pause_is_read_on_afterwards(seconds: float) -> None:
    """It was dropped, and no record nor summary told it."""
    pause = Fault("pause", "time", 2.0, seconds=seconds)
    outcome = play(replace(scenario(pause, kind="stdin"), stretches=((100, 1.0),)))
    words = check(outcome)
    check_complete(outcome)
    assert words.said == 100


def test_a_session_that_breaks_before_a_pause_is_not_followed_in_it() -> None:
    """A file: the next try was due in the pause, and all of it was transcribed there."""
    breaks, pause = Fault("reset", "time", 2.0), Fault("pause", "time", 2.1, seconds=20.0)
    outcome = play(replace(scenario(breaks, pause, kind="file"), stretches=((100, 1.0),)))
    check(outcome)
    check_complete(outcome)
    first, second = outcome.tried
    assert first < 2.0
    assert 22.0 < second < 23.0


def test_a_follower_is_not_left_open_in_a_pause_in_which_its_session_breaks() -> None:
    """It was billed for the whole pause, and forgotten when the recording went on."""
    pause = Fault("pause", "time", 18.8, seconds=30.0)
    breaks = Fault("reset", "time", 19.0, whom="oldest")
    forced = scenario(pause, breaks, habits=replace(CALM.habits, life_s=20.0, turn_words=40))
    outcome = play(replace(forced, stretches=((300, 1.0),)))
    check(outcome)
    check_complete(outcome)
    follower = outcome.service.sessions[1]
    assert follower.begun
    assert follower.confirmed
    assert follower.ended is not None
    assert follower.ended < 20.0
    assert len(outcome.service.sessions) == outcome.result.summary["sessions"]


def gone_for(seconds: float) -> Outcome:
    """Fifty words, and a microphone that goes when they are said; twenty more a minute later."""
    gone = scenario(Fault("unplug", "time", 6.0, seconds=seconds))
    outcome = play(replace(gone, stretches=((50, 60.0), (20, 1.0))))
    check(outcome)
    check_complete(outcome)
    return outcome


def test_no_session_is_open_while_the_microphone_is_gone_for_long() -> None:
    """It was billed all the time, and sent nothing but silence."""
    first, second = gone_for(50.0).service.sessions
    assert first.ended is not None
    assert 36.0 < first.ended < 40.0
    assert 56.0 < second.opened < 58.0


def slept(*faults: Fault, kind: str = "mic") -> Outcome:
    """Fifty words, and the machine sleeps for five minutes when they are said; twenty more."""
    talk = replace(
        scenario(Fault("sleep", "time", 6.0, seconds=300.0), *faults, kind=kind),
        stretches=((50, 302.0), (20, 1.0)),
    )
    outcome = play(talk)
    check(outcome)
    return outcome


def sent_s(outcome: Outcome) -> float:
    return sum(seen.link.client.meter.all for seen in outcome.service.sessions) / RATE


@pytest.mark.parametrize("kind", ["mic", "stdin"])  # which is any other live source here
def test_words_behind_a_sleep_of_the_machine_are_not_behind_its_silence(kind: str) -> None:
    """All of it was sent first, at little more than real time, and billed."""
    outcome = slept(kind=kind)
    check_complete(outcome)
    assert len(outcome.service.sessions) == 2
    assert sent_s(outcome) < 20.0
    assert outcome.ended < 30.0


def test_words_before_a_sleep_that_broke_the_connection_are_said_again_without_it() -> None:
    outcome = slept(Fault("reset", "time", 6.0))
    check_complete(outcome)
    assert sent_s(outcome) < 20.0
    assert outcome.ended < 30.0


def test_a_machine_that_sleeps_twice_skips_both_silences() -> None:
    again = Fault("sleep", "time", 6.5, seconds=300.0)
    outcome = slept(Fault("down", "time", 5.5, seconds=4.0), again)
    assert sent_s(outcome) < 20.0


def test_words_between_two_sleeps_have_their_time() -> None:
    """It was still looked at how long the first one was."""
    two = (Fault("sleep", "time", 6.0, seconds=2.0), Fault("sleep", "time", 6.1, seconds=5.0))
    outcome = play(replace(scenario(*two), stretches=((150, 1.0),)))
    check(outcome)
    check_complete(outcome)


def test_a_stop_right_after_a_sleep_does_not_send_its_silence() -> None:
    outcome = slept(Fault("SIGINT", "time", 6.4))
    assert sent_s(outcome) < 20.0
    assert outcome.ended < 30.0


def test_a_limit_that_is_reached_while_the_microphone_is_gone_ends_the_run() -> None:
    """It waited for ever, since nobody ended the pause."""
    outcome = gone_for(3600.0)
    assert outcome.result.exit_status is ExitStatus.AUDIO
    assert outcome.ended < 75.0


def test_words_behind_a_gap_of_the_microphone_are_said_again_also_at_its_end() -> None:
    """A session that broke off once the limit was reached was followed by one at the end."""
    gone, breaks = Fault("unplug", "time", 6.0, seconds=1.0), Fault("reset", "time", 12.0)
    away = Fault("refuse", "time", 12.0, seconds=3.0, value=503)
    talk = replace(scenario(gone, breaks, away), stretches=((50, 2.0), (100, 1.0)), most_s=13.0)
    outcome = play(talk)
    check(outcome)
    check_complete(outcome)


@pytest.mark.long
def test_words_that_a_thin_line_holds_back_for_a_minute_are_not_taken_for_heard(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The system had taken all of them, as it takes minutes of `ogg_opus`; then the line broke."""
    monkeypatch.setattr(network, "BUFFER_BYTES", 1 << 22)
    thin = Fault("slow", "time", 0.0, seconds=99.0, value=4000.0)
    outcome = play(
        replace(
            scenario(
                thin,
                Fault("reset", "time", 99.0),
                habits=replace(CALM.habits, turn_words=1),  # none is half said when it breaks
            ),
            stretches=((1000, 1.0),),
        )
    )
    check(outcome)
    check_complete(outcome)


@pytest.mark.parametrize("after", [((20, 1.0),), ()])  # words follow, or it is gone at the end
def test_silence_of_an_earlier_run_is_not_sent_when_it_is_resumed(
    after: tuple[tuple[int, float], ...],
) -> None:
    """Its gaps are missing in the summary as they were."""
    gone = Fault("unplug", "time", 6.0, seconds=70.0)
    off = Fault("down", "time", 1.0, seconds=99.0)
    stop = Fault("SIGINT twice", "time", 76.0 + 3.0 * len(after))
    earlier = play(replace(scenario(gone, off, stop), stretches=((50, 72.0), *after, (1, 9.0))))
    check(earlier)
    again = play(in_better_times(earlier.scenario), before=(earlier.audio, earlier.records))
    check(again)
    check_complete(again)
    assert earlier.result.summary["missing_ms"] > 60_000
    assert again.result.summary["missing_ms"] == earlier.result.summary["missing_ms"]
    assert sent_s(again) < 20.0
    assert len(again.service.sessions) == 1 + len(after)


def test_a_microphone_that_was_gone_at_the_end_leaves_nothing_more_to_be_heard_there() -> None:
    """Not in a later run either, which is refused as the first one was."""
    fails = Fault("error", "open", 1.0, after_s=0.3, value=3005, whom="newest")
    silent = Fault("ending", "open", 1.0, seconds=16.0, value="without termination", whom="oldest")
    gone = Fault("unplug", "open", 1.0, after_s=0.15, seconds=2.0, whom="newest")
    talk = replace(
        scenario(silent, gone, fails, habits=replace(CALM.habits, begin_s=1.2)), most_s=0.5
    )
    survive(talk)
