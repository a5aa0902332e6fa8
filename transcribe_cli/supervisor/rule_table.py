"""What a run decides, as one ordered table of rules. Pure.

A rule's condition returns the time from which it holds, so the next deadline is the least of these
times. The first rule that holds is applied, again and again, until none holds.
"""

from collections.abc import Callable
from typing import NamedTuple

from transcribe_cli.supervisor import rules_ending, rules_reconnect, rules_rollover
from transcribe_cli.supervisor.actions import RunAction
from transcribe_cli.supervisor.facts import Facts, Moment
from transcribe_cli.supervisor.rule_steps import Step

_MOST_AT_ONCE = 50  # rules applied in one step; a handful is usual


class Rule(NamedTuple):
    """One decision.

    Attributes:
        name: what is done.
        when: returns the time from which the rule holds; `ALREADY` and `NEVER` are such times.
        then: returns the facts after it, and the actions to carry out.
        rests: no further rule is applied before the next tick.
    """

    name: str
    when: Callable[[Facts], float]
    then: Callable[[Facts, Moment], Step]
    rests: bool = False


def next_due(facts: Facts) -> float:
    """When the next rule holds."""
    return min(rule.when(facts) for rule in RULES)


def decide(facts: Facts, moment: Moment) -> Step:
    """Apply rules until none holds."""
    actions: list[RunAction] = []
    for _ in range(_MOST_AT_ONCE):
        rule = next((rule for rule in RULES if rule.when(facts) <= moment.now), None)
        if rule is None:
            return facts, actions
        facts, more = rule.then(facts, moment)
        actions += more
        if rule.rests:
            return facts, actions
    raise AssertionError("the rules do not come to rest")  # better than to hang and be billed


RULES: tuple[Rule, ...] = (
    Rule("stop the source", rules_ending.source_flows_on, rules_ending.stop_source),
    Rule(
        "close a session that does not end",
        rules_ending.session_is_stuck,
        rules_ending.abandon_stuck,
    ),
    Rule("give up connecting", rules_ending.connects_too_long, rules_ending.give_up_connecting),
    Rule(
        "begin again behind a session that owes words",
        rules_reconnect.earlier_owes_words,
        rules_reconnect.restart_at_earlier,
    ),
    Rule(
        "forget an earlier session",
        rules_reconnect.earlier_has_ended,
        rules_reconnect.forget_earlier,
    ),
    Rule("forget a follower", rules_reconnect.follower_broke, rules_reconnect.forget_follower),
    Rule(
        "accept that words are missing",
        rules_reconnect.loss_is_accepted,
        rules_reconnect.accept_missing,
    ),
    Rule("end with what went wrong", rules_reconnect.is_refused, rules_reconnect.end_with_verdict),
    Rule(
        "need no session in a pause",
        rules_reconnect.pause_needs_none,
        rules_reconnect.forget_reader,
    ),
    Rule(
        "end where it broke off",
        rules_reconnect.broke_while_stopping,
        rules_reconnect.end_with_verdict,
    ),
    Rule("let the follower step in", rules_reconnect.is_replaced, rules_reconnect.replace_broken),
    Rule("try again", rules_reconnect.session_broke, rules_reconnect.try_again, rests=True),
    Rule("drop the follower", rules_ending.follower_is_in_vain, rules_ending.drop_follower),
    Rule("end the session where it is", rules_ending.is_to_end_here, rules_ending.finish_here),
    Rule("end the session in a long pause", rules_ending.pause_is_long, rules_ending.end_for_pause),
    Rule("settle", rules_ending.has_said_all, rules_ending.settle),
    Rule("end between two sessions", rules_ending.has_no_session, rules_ending.end_without_session),
    Rule("hand over after a turn", rules_rollover.turn_ended, rules_rollover.hand_over_after_turn),
    Rule("hand over at a pause", rules_rollover.pause_found, rules_rollover.hand_over_at_pause),
    Rule("look for a pause", rules_rollover.time_is_nearly_up, rules_rollover.finish_at_pause),
    Rule("open a session ahead", rules_rollover.time_runs_out, rules_rollover.open_ahead),
    Rule("start the follower", rules_rollover.follower_is_alone, rules_rollover.start_follower),
    Rule("open a session", rules_rollover.session_is_needed, rules_rollover.open_session),
    Rule(
        "tell that it listens again", rules_rollover.listens_again, rules_rollover.tell_reconnected
    ),
    Rule("finish", rules_ending.all_is_over, rules_ending.finish),
)
"""In order: the first rule that holds is applied."""
