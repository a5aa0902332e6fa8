"""What is said of sessions that hear a channel each, before they are opened."""

from transcribe_cli.jobs.heard_channels import notes_on_sessions


def test_sessions_that_wait_for_the_account_are_told_with_what_they_cost() -> None:
    assert list(notes_on_sessions(6, 0.45, 5)) == [
        "6 channels are 6 sessions, about $2.70 an hour",
        "5 sessions begin in a minute, and are billed while the others wait",
    ]
    assert list(notes_on_sessions(2, None, 5)) == ["2 channels are 2 sessions"]
    assert len(list(notes_on_sessions(6, 0.45, None))) == 1
