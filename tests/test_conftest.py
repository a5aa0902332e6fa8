"""Which tests run with how many examples."""

import pytest

from tests.conftest import asks_for_long


@pytest.mark.parametrize(
    ("markers", "asks"),
    [
        ("long", True),
        ("long and not browser", True),
        ("not browser and long", True),
        ("not long", False),
        ("browser and not long", False),
        ("longer", False),
        ("", False),
    ],
)
def test_whoever_asks_for_long_tests_gets_many_examples(markers: str, asks: bool) -> None:
    assert asks_for_long(markers) == asks
