"""A service that says words of audio that it was never sent; that audio is sent all the same."""

from tests.counting import Session, counting_service, write_wav
from tests.program import Home, words

WORDS = 40


def test_word_that_ends_far_behind_what_was_sent_skips_nothing(home: Home) -> None:
    def lie_and_go(session: Session, heard: int) -> None:
        if session.number == 0 and heard == 10:
            session.open_words[-1]["end"] = 100_000
            session.turn(end=True)
            session.connection.socket.shutdown(2)

    write_wav(home.work / "talk.wav", WORDS)
    with counting_service(turn_words=20, fault=lie_and_go) as service:
        outcome = home.run(
            *("file", "talk.wav", "--endpoint", service.url, "--pace", "4", "--jsonl")
        )
    assert outcome.code == 0, outcome.err
    heard = words(outcome.records)
    # What was under way at that moment the service has claimed, so it is not said again.
    assert heard[:10] == [f"w{number}" for number in range(1, 11)]
    assert heard[-20:] == [f"w{number}" for number in range(21, 41)]
    assert outcome.records[-1]["audio_s"] == WORDS / 10
