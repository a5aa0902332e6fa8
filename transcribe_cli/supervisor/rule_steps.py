"""The steps that rules share: from facts to facts and actions. Pure."""

from dataclasses import replace
from typing import TypeGuard

from transcribe_cli.exit_status import ExitStatus
from transcribe_cli.supervisor.actions import DropSession, RunAction
from transcribe_cli.supervisor.facts import ALREADY, Contact, Facts, Moment, Outcome
from transcribe_cli.supervisor.lease import NEVER, Drain, Lease, LeaseState

Step = tuple[Facts, list[RunAction]]
"""The facts after a decision, and the actions to carry out."""


def at_once_if(holds: bool) -> float:
    """`ALREADY` if `holds`, else `NEVER`: a condition that does not depend on time."""
    return ALREADY if holds else NEVER


def is_in(lease: Lease | None, *states: LeaseState) -> TypeGuard[Lease]:
    """Whether there is such a lease, in one of these states."""
    return lease is not None and lease.state in states


def end(facts: Facts, exit_status: ExitStatus, *, complete: bool = False) -> Facts:
    """Set the outcome: the run ends once every session has ended."""
    return replace(facts, outcome=Outcome(exit_status, complete))


def lose(facts: Facts, reader: Lease) -> Facts:
    """Remove the reader; another session is needed."""
    contact = Contact.LOST if facts.contact is Contact.MADE else facts.contact
    return replace(facts.without(reader), contact=contact)


def drop(facts: Facts, moment: Moment, *leases: Lease | None) -> Step:
    """Drop these leases: what they say no longer counts. Those that have ended are removed."""
    actions: list[RunAction] = []
    for lease in leases:
        if lease is None or lease.state is LeaseState.DROPPED:
            continue
        actions.append(DropSession(lease.number))
        dropped = lease.to(LeaseState.DROPPED, drain=Drain(moment.now))
        facts = facts.with_lease(dropped) if lease.end is None else facts.without(dropped)
    return facts, actions
