"""What a run decides, as one ordered table of rules. Pure.

A rule's condition returns the time from which it holds, so what is due next is the smallest of the
same conditions. The first rule that holds is applied, again and again, until none does.
"""

from collections.abc import Callable
from typing import NamedTuple

from transcribe_cli.supervisor import breaking, ending, following
from transcribe_cli.supervisor.actions import Action
from transcribe_cli.supervisor.facts import Facts, Moment
from transcribe_cli.supervisor.step import Step

_MOST_AT_ONCE = 50  # rules that are applied one after the other; a handful is usual


class Rule(NamedTuple):
    """One decision.

    Attributes:
        name: what is done.
        when: the time from which that holds, given these facts; `ALREADY` and `NEVER` are times.
        then: the facts after it, and the actions that it wants.
        rests: what it makes possible waits for the next tick.
    """

    name: str
    when: Callable[[Facts], float]
    then: Callable[[Facts, Moment], Step]
    rests: bool = False


def next_due(facts: Facts) -> float:
    """When a rule holds next."""
    return min(rule.when(facts) for rule in RULES)


def decide(facts: Facts, moment: Moment) -> Step:
    """Apply what holds, until nothing does."""
    actions: list[Action] = []
    for _ in range(_MOST_AT_ONCE):
        rule = next((rule for rule in RULES if rule.when(facts) <= moment.now), None)
        if rule is None:
            return facts, actions
        facts, more = rule.then(facts, moment)
        actions += more
        if rule.rests:
            return facts, actions
    raise AssertionError("the rules do not come to rest")  # rather than to hang, and be billed


RULES: tuple[Rule, ...] = (
    Rule("stop the source", ending.source_flows_on, ending.stop_source),
    Rule("close a session that does not end", ending.is_stuck, ending.abandon),
    Rule("give up connecting", ending.connects_too_long, ending.give_up_connecting),
    Rule("begin again behind a session that owes words", breaking.owes_words, breaking.begin_again),
    Rule("forget an earlier session", breaking.has_ended, breaking.forget_earlier),
    Rule("forget a follower", breaking.follower_broke, breaking.forget_follower),
    Rule("accept that words are missing", breaking.nobody_waits, breaking.accept_missing),
    Rule("end with what went wrong", breaking.is_refused, breaking.end_with_verdict),
    Rule("need no session in a pause", breaking.is_not_needed, breaking.rest),
    Rule("end where it broke off", breaking.broke_while_stopping, breaking.end_with_verdict),
    Rule("let the follower step in", breaking.is_replaced, breaking.replace_broken),
    Rule("try again", breaking.broke, breaking.try_again, rests=True),
    Rule("drop the follower", ending.follower_is_in_vain, ending.drop_follower),
    Rule("end the session where it is", ending.is_to_end_here, ending.finish_here),
    Rule("end the session in a long pause", ending.pause_is_long, ending.park),
    Rule("settle", ending.has_said_all, ending.settle),
    Rule("end between two sessions", ending.has_no_session, ending.end_between),
    Rule("hand over after a turn", following.turn_ended, following.hand_over_after_turn),
    Rule("hand over at a pause", following.pause_found, following.hand_over_at_pause),
    Rule("look for a pause", following.time_is_nearly_up, following.finish_at_pause),
    Rule("open a session ahead", following.time_runs_out, following.open_ahead),
    Rule("start the follower", following.follower_is_alone, following.start_follower),
    Rule("open a session", following.session_is_needed, following.open_session),
    Rule("tell that it listens again", following.listens_again, following.tell_reconnected),
    Rule("finish", ending.all_is_over, ending.finish),
)
"""In their order: the first that holds is applied."""
