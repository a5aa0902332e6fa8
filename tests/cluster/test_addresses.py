"""Which schedulers work may be given to."""

import pytest

from transcribe_cli.cluster import checks
from transcribe_cli.cluster.checks import check_address, check_dashboard
from transcribe_cli.errors import UsageError


@pytest.mark.parametrize(
    "address", ["tls://head:8786", "tls://10.0.0.1:8786", "tcp://127.0.0.1:8786", "localhost:8786"]
)
def test_tls_or_this_machine_will_do(address: str) -> None:
    check_address(address)


@pytest.mark.parametrize(
    "address", ["tcp://head:8786", "10.0.0.1:8786", "tcp://127.0.0.1.example:1"]
)
def test_what_others_can_read_is_refused_with_the_way_to_set_up_tls(address: str) -> None:
    with pytest.raises(UsageError, match="is not encrypted") as told:
        check_address(address)
    assert "tls://" in told.value.hint


@pytest.mark.parametrize(
    "address", ["", "tls://", "ws://head:8786", "//", "tls:head", "tls://head", "head"]
)
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(UsageError, match="is no scheduler's address"):
        check_address(address)


def test_pages_on_the_workers_are_of_the_scheduler_that_the_command_starts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(checks, "find_spec", lambda _: None)
    for address, said in (
        ("tls://head:8786", "pages of their own"),
        ("local", "needs the package"),
    ):
        with pytest.raises(UsageError, match=said):
            check_dashboard(address)
    monkeypatch.setattr(checks, "find_spec", lambda name: name)
    check_dashboard("local")
