"""The page about the supervisor is what the code says."""

from tests.supervisor.printed_rules import PAGE, page
from transcribe_cli.supervisor.rule_table import RULES


def test_page_is_printed_from_the_code() -> None:
    """Otherwise: `python -m tests.supervisor.printed_rules`."""
    assert PAGE.read_text(encoding="utf-8") == page()


def test_every_rule_has_a_name_of_its_own_and_says_when_it_holds() -> None:
    assert len({rule.name for rule in RULES}) == len(RULES)
    assert all(rule.when.__doc__ and rule.then.__doc__ for rule in RULES)
