"""The supervisor of one run: its facts and rules, with the quota, the clock and randomness.

It takes events and the time, and returns actions, which the run carries out. So every fault can be
tested without a socket or a sleep.
"""

import random
import time
from collections.abc import Callable
from dataclasses import replace

from transcribe_cli.session.events import Closed, Event, Opened
from transcribe_cli.supervisor import apply_event
from transcribe_cli.supervisor.actions import OpenSession, RunAction
from transcribe_cli.supervisor.backoff import Backoff
from transcribe_cli.supervisor.facts import ALREADY, Facts, Moment, Policy
from transcribe_cli.supervisor.lease import NEVER, Leases
from transcribe_cli.supervisor.retry_verdict import never_reached
from transcribe_cli.supervisor.rule_table import decide, next_due
from transcribe_cli.supervisor.session_quota import SessionQuota


class Supervisor:
    """Decides for one run. Every method takes `now`, seconds on the monotonic clock.

    Args:
        quota: the account's limit on new sessions; shared by its runs.
        first_session: the number of the first session.
        wall: returns Unix time, in seconds.

    Attributes:
        state: the state that a view shows; kept, because every turn of the loop reads it.
        due: when `tick` has something to do; NEVER if only an event can cause that.
    """

    def __init__(
        self,
        policy: Policy,
        quota: SessionQuota,
        chance: random.Random | None = None,
        *,
        first_session: int = 0,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._facts = Facts(policy, next_number=first_session)
        self.state = self._facts.state
        self._quota = quota
        self._chance = chance or random.Random()  # nosec B311
        self._luck = self._chance.random()
        self._wall = wall
        self.due = NEVER
        self._underway: set[int] = set()  # sessions that the service has not answered

    @property
    def source_ended(self) -> bool:
        """Whether the last block is in the log."""
        return self._facts.source_ended

    @property
    def leases(self) -> Leases:
        """The sessions that are not over, in the order in which their words are reported."""
        return self._facts.leases

    def start(self, now: float) -> list[RunAction]:
        """Open the first session, or wait for the account's quota."""
        return self._decide(self._facts, now)

    def tick(self, now: float) -> list[RunAction]:
        """Decide what is due now that time has passed."""
        return self._decide(self._facts, now) if now >= self.due else []

    def handle(self, event: Event, now: float) -> list[RunAction]:
        """Decide about an event."""
        self._count(event, now)
        if self._facts.over:
            return []
        facts = apply_event.apply_event(self._facts, event, self._moment(now))
        if facts is self._facts:
            return []
        return self._decide(facts, now)

    def pause(self, now: float) -> list[RunAction]:
        """No session is wanted for now: the user has paused, or the microphone is gone."""
        return self._decide(apply_event.pause(self._facts, now), now)

    def resume(self, now: float) -> list[RunAction]:
        """Sessions are wanted again."""
        return self._decide(apply_event.resume(self._facts), now)

    def _moment(self, now: float) -> Moment:
        return Moment(now, self._wall(), self._luck)

    def _decide(self, facts: Facts, now: float) -> list[RunAction]:
        """Apply the rules until none is due, and count the sessions that they open."""
        all_actions: list[RunAction] = []
        backoff = facts.tries.backoff
        facts, actions = decide(self._with_quota(facts, now), self._moment(now))
        all_actions += actions
        for action in actions:
            if isinstance(action, OpenSession):
                self._quota.opened(now)
                self._underway.add(action.number)
        if facts.tries.backoff not in (backoff, Backoff()):
            self._luck = self._chance.random()
        self._facts = replace(self._with_quota(facts, now), turn_ended=False)
        self.state = self._facts.state
        self.due = next_due(self._facts)
        return all_actions

    def _count(self, event: Event, now: float) -> None:
        """Tell the quota that a session was answered, or that it never reached the service."""
        if not self._underway:
            return
        if isinstance(event, Opened | Closed) and event.session in self._underway:
            self._underway.remove(event.session)
            if isinstance(event, Closed) and never_reached(event):
                self._quota.unopened()
            else:
                self._quota.answered(now)

    def _with_quota(self, facts: Facts, now: float) -> Facts:
        """The facts with the account's quota, which is queried only if a session is wanted.

        A cluster's quota grants a session by being queried, and other workers then lack it.
        """
        free_at = self._quota.free_at(now) if facts.wants_session(now) else now
        return replace(facts, free_from=free_at if free_at > now else ALREADY)
