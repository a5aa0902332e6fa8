"""What rules are made of: a step from facts to facts, and what several of them do. Pure."""

from dataclasses import replace
from typing import TypeGuard

from transcribe_cli.exit_status import ExitStatus
from transcribe_cli.supervisor.actions import Action, DropSession
from transcribe_cli.supervisor.facts import ALREADY, Contact, Facts, Moment, Outcome
from transcribe_cli.supervisor.lease import NEVER, Drain, Lease, LeaseState

Step = tuple[Facts, list[Action]]
"""The facts after something was decided, and what that wants done."""


def at_once_if(holds: bool) -> float:
    """The time from which something holds that has nothing to do with time."""
    return ALREADY if holds else NEVER


def is_in(lease: Lease | None, *states: LeaseState) -> TypeGuard[Lease]:
    """Whether there is such a lease, in one of these states."""
    return lease is not None and lease.state in states


def end(facts: Facts, exit_status: ExitStatus, *, complete: bool = False) -> Facts:
    """The run is over, as soon as every session is."""
    return replace(facts, outcome=Outcome(exit_status, complete))


def lose(facts: Facts, reader: Lease) -> Facts:
    """There is no reader any more, and another one is needed some time."""
    contact = Contact.LOST if facts.contact is Contact.MADE else facts.contact
    return replace(facts.without(reader), contact=contact)


def drop(facts: Facts, moment: Moment, *leases: Lease | None) -> Step:
    """Nothing that these say counts any more; those that have ended are over."""
    actions: list[Action] = []
    for lease in leases:
        if lease is None or lease.state is LeaseState.DROPPED:
            continue
        actions.append(DropSession(lease.number))
        dropped = lease.to(LeaseState.DROPPED, drain=Drain(moment.now))
        facts = facts.with_lease(dropped) if lease.end is None else facts.without(dropped)
    return facts, actions
