"""Every event in every situation that can be reached: no step of ours is illegal, and so on.

What must hold is in `exploring.check`. A search says how far it came: `pytest -m long -rP`.
"""

import sys
from dataclasses import replace

import pytest

from tests.supervisor import exploring
from tests.supervisor.exploring import FILE, MIC, Found, Wrong, explore
from transcribe_cli.supervisor import rule_table
from transcribe_cli.supervisor.facts import Facts, Policy
from transcribe_cli.supervisor.lease import IllegalStep, Lease, LeaseState

STEPS, MANY_STEPS = 3000, 500_000
POLICIES = pytest.mark.parametrize("policy", [MIC, FILE], ids=["microphone", "file"])


@POLICIES
def test_every_event_in_every_situation_near_the_start(policy: Policy) -> None:
    found = explore(policy, STEPS)

    assert found.steps >= STEPS
    assert found.hurried > 100


@pytest.mark.long
@pytest.mark.timeout(900)
@POLICIES
def test_every_event_in_half_a_million_steps(policy: Policy) -> None:
    found = explore(policy, MANY_STEPS)

    sys.stdout.write(told(found))
    assert found.steps >= MANY_STEPS
    assert found.depth >= 8


def told(found: Found) -> str:
    """What a search came to, as a line."""
    return (
        f"{found.steps:,} steps, {found.situations:,} situations, {found.depth} events deep, "
        f"{found.hurried:,} hurried ends, {len(found.shapes)} shapes of the list of leases\n"
    )


def test_search_finds_a_rule_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """And says how it came there."""
    fewer = tuple(rule for rule in rule_table.RULES if rule.name != "need no session in a pause")
    monkeypatch.setattr(rule_table, "RULES", fewer)

    with pytest.raises(Wrong, match=r"(?s)pause.*Closed"):
        explore(MIC, STEPS)


def test_search_knows_a_situation_again_by_what_the_rules_can_tell_apart() -> None:
    lease = Lease(3, LeaseState.CONNECTING)
    facts = Facts(MIC, (lease,), next_number=4)
    later = replace(facts, leases=(replace(lease, number=7),), next_number=8)

    assert exploring.situation(facts) == exploring.situation(later)


def test_illegal_step_of_ours_is_an_error() -> None:
    with pytest.raises(IllegalStep, match="session 1: ahead -> draining"):
        Lease(1, LeaseState.AHEAD).to(LeaseState.DRAINING)
