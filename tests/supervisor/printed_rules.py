"""`python -m tests.supervisor.printed_rules` writes `docs/supervisor.md` from the code."""

import inspect
import re
from pathlib import Path

from transcribe_cli.supervisor import lease as lease_module
from transcribe_cli.supervisor.facts import Facts
from transcribe_cli.supervisor.lease import NEXT, LeaseState
from transcribe_cli.supervisor.rule_table import RULES

PAGE = Path(__file__).parents[2] / "docs" / "supervisor.md"

_INTRO = """\
# What the supervisor decides

Printed from the code (`python -m tests.supervisor.printed_rules`); a test keeps the two equal.

A session is a lease on a stretch of the audio log: it begins at a frame, answers for every word
from there, and ends settled, broken or dropped. What the run knows is one value, the facts. An
event makes another value of it, and the rules say what follows: the first that holds is applied,
again and again, until none does. A rule's condition is the time from which it holds, so what is
due next is the smallest of them.
"""


def page() -> str:
    """The page as the code has it."""
    return "\n".join((_INTRO, *_states(), *_facts(), *_rules()))


def _states() -> list[str]:
    source = inspect.getsource(lease_module.LeaseState)
    meanings = dict(re.findall(r'= "(\w+)"  # (.+)', source))
    rows = [
        f"| {state} | {meanings[state]} | {', '.join(sorted(NEXT[state])) or 'the end'} |"
        for state in LeaseState
    ]
    arrows = [f"  {state} --> {next_}" for state in LeaseState for next_ in sorted(NEXT[state])]
    return [
        "## The states of a lease",
        "",
        "| state | what that is | what may follow |",
        "| --- | --- | --- |",
        *rows,
        "",
        "```mermaid",
        "stateDiagram-v2",
        "  [*] --> ahead",
        "  [*] --> connecting",
        *arrows,
        "```",
        "",
    ]


def _facts() -> list[str]:
    known = inspect.getdoc(Facts) or ""
    entries = re.findall(r"^    (\w+): ((?:.|\n        )+)", known, re.M)
    rows = [f"| `{name}` | {' '.join(meaning.split())} |" for name, meaning in entries]
    return ["## The facts", "", "| fact | what it says |", "| --- | --- |", *rows, ""]


def _rules() -> list[str]:
    rows = [
        f"| {number} | {rule.name} | {rule.when.__doc__} | {rule.then.__doc__} |"
        for number, rule in enumerate(RULES, 1)
    ]
    rests = [rule.name for rule in RULES if rule.rests]
    return [
        "## The rules",
        "",
        "| # | what is done | when | and then |",
        "| ---: | --- | --- | --- |",
        *rows,
        "",
        f'After "{rests[0]}" nothing else is decided before the next tick.',
        "",
    ]


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
