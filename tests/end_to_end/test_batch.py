"""Many files with one command: at once, one failing, once more."""

import json
import os
import signal
import threading
from pathlib import Path

import pytest

from tests.counting import CountingService, Session, counting_service, drops_at
from tests.end_to_end.counted_files import (
    at_once,
    changes_of_source,
    spoken,
    words_by_heading,
    words_by_source,
    write_talk,
    write_talks,
)
from tests.program import Home, finish
from transcribe_cli.recordings.lock import is_locked

pytestmark = pytest.mark.usefixtures("in_process")

SIZES = (30, 8, 12, 5, 20, 5, 9)  # so that they do not end in the order in which they begin


def last_line(err: str) -> str:
    return err.strip().splitlines()[-1]


def to(service: CountingService, *more: str) -> list[str]:
    return ["--endpoint", service.url, *more]


def test_so_many_at_once_and_every_file_s_words_stay_together(home: Home) -> None:
    said = write_talks(home.work, *SIZES)
    with counting_service() as service:
        outcome = home.run(
            *("file", *said, *to(service, "--jobs", "3", "--pace", "2")),
            *("--text", "-o", "all.txt", "-o", "all.md"),
        )
    assert outcome.code == 0, outcome.err
    assert len(service.sessions) == 7
    assert at_once(service.sessions) == 3
    assert words_by_heading(outcome.out) == list(said.items())
    assert (home.work / "all.txt").read_text() == outcome.out
    document = (home.work / "all.md").read_text()
    places = [document.index(word) for words in said.values() for word in words]
    assert places == sorted(places)
    assert last_line(outcome.err) == "7 of 7 files transcribed"


def test_json_lines_come_as_they_are_made_and_name_their_source(home: Home) -> None:
    said = write_talks(home.work, 20, 20, 20)
    with counting_service() as service:
        outcome = home.run("file", *said, *to(service, "--jobs", "3", "--jsonl"))
    records = outcome.records
    assert [record["seq"] for record in records] == list(range(len(records)))
    assert words_by_source(records) == said
    assert changes_of_source(records) > 5  # and not 2, as one after the other
    for name in said:
        own = [record for record in records if record["source"] == name]
        assert (own[0]["type"], own[-1]["type"]) == ("Recording", "Summary")
        assert own[-1]["words"] == 20


def test_each_file_gets_its_own_outputs(home: Home) -> None:
    said = write_talks(home.work, 10, 5, 5)
    with counting_service() as service:
        outcome = home.run(
            *("file", *said, *to(service, "--jobs", "3", "--pace", "max")),
            *("-o", "{stem}.srt", "-o", "{stem}.txt"),
        )
    assert outcome.code == 0, outcome.err
    for name, words in said.items():
        stem = Path(name).stem
        captions = (home.work / f"{stem}.srt").read_text().split()
        assert [word for word in captions if word.startswith("w")] == words
        assert (home.work / f"{stem}.txt").read_text().split() == words


def test_a_folder_stands_for_the_media_in_it(home: Home) -> None:
    said = write_talks(home.work / "talks", 5, 7)
    (home.work / "talks" / "notes.txt").write_text("no media")
    (home.work / "talks" / "below").mkdir()
    with counting_service() as service:
        outcome = home.run("file", "talks", *to(service, "--jsonl", "--pace", "max"))
    assert outcome.code == 0, outcome.err
    assert words_by_source(outcome.records) == said


def test_a_folder_without_media_is_told(home: Home) -> None:
    (home.work / "empty").mkdir()
    outcome = home.run("file", "empty", "--endpoint", "ws://127.0.0.1:9")
    assert outcome.code == 3
    assert outcome.err.startswith("error: 'empty' is a directory without audio files.")
    assert not home.recordings.exists()


@pytest.mark.parametrize("from_stdin", [False, True])
@pytest.mark.first(1)
def test_a_list_names_files(home: Home, from_stdin: bool) -> None:
    said = write_talks(home.work, 5, 7)
    text = "# of today\n\ntalk2.wav\n  talk1.wav  \n"
    (home.work / "list").write_text(text)
    with counting_service() as service:
        outcome = home.run(
            *("file", "--from-list", "-" if from_stdin else "list"),
            *to(service, "--jsonl", "--pace", "max"),
            data=text.encode() if from_stdin else None,
        )
    assert outcome.code == 0, outcome.err
    heard = words_by_source(outcome.records)
    assert heard == said
    assert list(heard) == ["talk2.wav", "talk1.wav"]


@pytest.mark.parametrize("jobs", ["1", "4"])
@pytest.mark.first(1)
def test_one_that_fails_does_not_stop_the_others(home: Home, jobs: str) -> None:
    said = write_talks(home.work, 5, 7)
    (home.work / "broken.wav").write_bytes(b"RIFF but nothing like it")
    with counting_service() as service:
        outcome = home.run(
            *("file", "missing.wav", "talk1.wav", "broken.wav", "talk2.wav"),
            *to(service, "--jsonl", "--pace", "max", "--jobs", jobs, "-o", "all.txt"),
        )
    assert outcome.code == 3
    assert words_by_source(outcome.records) == said
    assert words_by_heading((home.work / "all.txt").read_text()) == list(said.items())
    errors = [record for record in outcome.records if record["type"] == "Error"]
    assert {error["source"] for error in errors} == {"missing.wav", "broken.wav"}
    told = last_line(outcome.err)
    assert told == "warning: 2 of 4 files transcribed; failed: missing.wav, broken.wav"


def outputs(home: Home) -> dict[str, bytes]:
    names = ("all.txt", "all.json", "all.jsonl", "talk1.srt", "talk2.vtt", "talk2.jsonl")
    return {name: (home.work / name).read_bytes() for name in names}


def test_a_second_run_tells_again_what_is_complete_and_opens_no_session(home: Home) -> None:
    said = write_talks(home.work, 12, 7)
    asked = ["file", *said, "--jobs", "2", "--pace", "max", "-o", "all.txt", "-o", "all.json"]
    asked += ["-o", "{stem}.srt", "-o", "{stem}.vtt", "-o", "{stem}.jsonl"]
    with counting_service() as service:
        first = home.run(*asked, *to(service, "-o", "all.jsonl"))
        of_the_first = outputs(home)
        second = home.run(*asked, *to(service, "-o", "all.jsonl"))
    assert (first.code, second.code) == (0, 0)
    assert len(service.sessions) == 2
    of_the_second = outputs(home)
    # What ran at once is told one after the other now.
    one, two = (
        sorted(_without_seq(every.pop("all.jsonl"))) for every in (of_the_first, of_the_second)
    )
    assert one == two
    assert of_the_first == of_the_second
    assert second.out == first.out
    assert last_line(second.err) == "0 of 2 files transcribed; 2 complete already"


def _without_seq(lines: bytes) -> list[str]:
    records = [json.loads(line) for line in lines.splitlines()]
    return [json.dumps(record | {"seq": 0}) for record in records]


@pytest.mark.long
def test_what_was_killed_is_resumed_and_what_is_complete_is_not(home: Home) -> None:
    said = write_talks(home.work, 5, 60, 8, 70, 5, 50)
    asked = ("file", *said, "--jobs", "4", "--jsonl")
    with counting_service() as service:
        process = home.start(*asked, *to(service))
        assert process.stdout is not None
        complete: list[str] = []
        for line in process.stdout:
            record = json.loads(line)
            if record["type"] == "Summary":
                complete.append(record["source"])
            if len(complete) == 3 and record["type"] == "Turn":
                break
        process.kill()
        finish(process)
        before = len(service.sessions)
        second = home.run(*asked, *to(service, "--pace", "4"))
        third = home.run(*asked, *to(service, "--pace", "4"))
    assert sorted(complete) == ["talk1.wav", "talk3.wav", "talk5.wav"]
    assert second.code == 0, second.err
    assert words_by_source(second.records) == said
    assert words_by_source(third.records) == said
    # Those that had begun go on in a second session; nobody hears the complete ones again.
    assert before == 6
    assert len(service.sessions) == before + 3
    again = {word for seen in service.sessions[before:] for word in _words_in(bytes(seen.audio))}
    for name in complete:
        assert not again & set(said[name])
    assert len(list(home.recordings.iterdir())) == 6
    assert last_line(second.err) == "3 of 6 files transcribed; 3 complete already"


def _words_in(audio: bytes) -> set[str]:
    from array import array

    return {f"w{value}" for value in array("H", audio) if value}


def test_a_changed_file_is_transcribed_anew(home: Home) -> None:
    said = write_talks(home.work, 5, 6)
    asked = ["file", *said, "--pace", "max", "--jsonl", "--jobs", "2"]
    with counting_service() as service:
        assert home.run(*asked, *to(service)).code == 0
        assert len(service.sessions) == 2
        write_talk(home.work / "talk1.wav", 9, 5000)
        (home.work / "talk2.wav").chmod(0o600)  # which changes nothing that is said in it
        outcome = home.run(*asked, *to(service))
        assert len(service.sessions) == 3
    assert words_by_source(outcome.records) == said | {"talk1.wav": spoken(9, 5000)}


@pytest.mark.parametrize(
    "more", [("--model", "whisper-rt"), ("--again",), ("--start", "0.2"), ("--no-save",)]
)
@pytest.mark.first(1)
def test_asked_for_otherwise_or_again_all_files_are_transcribed_anew(
    home: Home, more: tuple[str, ...]
) -> None:
    asked = ["file", *write_talks(home.work, 5, 6), "--pace", "max", "--jsonl", "--jobs", "2"]
    with counting_service() as service:
        assert home.run(*asked, *to(service)).code == 0
        assert home.run(*asked, *to(service, *more)).code == 0
        assert len(service.sessions) == 4


def test_a_file_that_was_put_in_another_s_place_is_transcribed_anew(home: Home) -> None:
    older = write_talk(home.work / "older.wav", 6, 5000)
    os.utime(older, (1_700_000_000, 1_700_000_000))
    said = write_talks(home.work, 5, 6)
    with counting_service() as service:
        asked = ["file", *said, *to(service, "--pace", "max", "--jsonl")]
        home.run(*asked)
        older.rename(home.work / "talk2.wav")  # which keeps its time of change
        outcome = home.run(*asked)
    assert len(service.sessions) == 3
    assert words_by_source(outcome.records)["talk2.wav"] == spoken(6, 5000)


def test_no_more_sessions_a_minute_than_the_account_allows(home: Home) -> None:
    said = write_talks(home.work, 30, 30, 30, 5, 5)
    with counting_service() as service:
        process = home.start(
            *("file", *said, *to(service, "--jobs", "5", "--jsonl")),
            *("--new-sessions-per-minute", "3"),
        )
        assert process.stdout is not None
        ended: list[str] = []
        kept = b""
        for line in process.stdout:
            kept += line
            record = json.loads(line)
            if record["type"] == "Summary":
                ended.append(record["source"])
            if len(ended) == 3:
                break
        assert len(service.sessions) == 3  # after three seconds in which two more were wanted
        process.send_signal(signal.SIGINT)
        outcome = finish(process)
    assert outcome.code == 130
    assert len(service.sessions) == 3
    assert sorted(ended) == ["talk1.wav", "talk2.wav", "talk3.wav"]
    assert last_line(outcome.err) == "3 of 5 files transcribed; stopped: talk4.wav, talk5.wav"


def test_the_greatest_cost_is_that_of_all_files_together(home: Home) -> None:
    said = write_talks(home.work, 100, 100, 100)
    with counting_service() as service:
        outcome = home.run(
            *("file", *said, *to(service, "--jobs", "2", "--jsonl", "--max-cost", "0.0005"))
        )
    sums = [record for record in outcome.records if record["type"] == "Summary"]
    assert len(sums) == len(service.sessions) == 2
    assert "not transcribed: talk3.wav" in outcome.err
    # 0.0005 USD are 4 s of session: two for each, and not four.
    assert all(10 <= one["words"] <= 30 for one in sums)
    assert outcome.code == 6
    assert last_line(outcome.err).endswith(
        "0 of 3 files transcribed; incomplete: talk1.wav, talk2.wav; not begun: talk3.wav"
    )


@pytest.mark.parametrize("cause", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.first(1)
def test_a_signal_stops_them_all(home: Home, cause: signal.Signals) -> None:
    said = write_talks(home.work, 100, 100, 100, 100)
    with counting_service() as service:
        process = home.start("file", *said, *to(service, "--jobs", "3", "--jsonl"))
        service.wait_for_words(15)
        process.send_signal(cause)
        outcome = finish(process)
    assert outcome.code == (130 if cause is signal.SIGINT else 143)
    assert len(service.sessions) == 3
    assert all(seen.terminated for seen in service.sessions)
    sums = [record for record in outcome.records if record["type"] == "Summary"]
    assert len(sums) == 3
    assert all(one["terminated"] and not one["complete"] for one in sums)
    heard = words_by_source(outcome.records)
    assert all(words == said[name][: len(words)] for name, words in heard.items())
    assert sum(map(len, heard.values())) == service.heard_words
    stopped = "stopped: talk1.wav, talk2.wav, talk3.wav"
    assert last_line(outcome.err) == f"0 of 4 files transcribed; {stopped}; 1 not begun"


def test_of_all_that_are_stopped_each_ends_when_its_own_session_has_ended(home: Home) -> None:
    released = threading.Event()

    def slow(session: Session, heard: int) -> None:
        if session.number == 1 and heard == 12:
            released.wait(40)

    said = write_talks(home.work, 100, 100)
    with counting_service(fault=slow) as service:
        process = home.start("file", *said, *to(service, "--jobs", "2", "--jsonl"))
        service.wait_for_words(30)
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        told = iter(process.stderr.readline, b"")
        ended = next(line for line in told if line.startswith(b"talk")).decode()
        running = [folder for folder in home.recordings.iterdir() if is_locked(folder)]
        released.set()
        outcome = finish(process)
    assert outcome.code == 130
    assert len(running) == 1
    assert not running[0].name.endswith(ended.partition(".wav: ")[0])
    assert all(seen.terminated for seen in service.sessions)
    assert last_line(outcome.err) == "0 of 2 files transcribed; stopped: talk1.wav, talk2.wav"
    assert sum(map(len, words_by_source(outcome.records).values())) == service.heard_words


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.first(1)
def test_a_wrong_key_stops_everything_after_the_first(home: Home, jobs: int) -> None:
    def refuse(session: Session, heard: int) -> None:
        session.fail(1008, "Unauthorized Connection: Invalid API key")

    said = write_talks(home.work, 5, 5, 5, 5, 5)
    with counting_service(fault=refuse) as service:
        outcome = home.run("file", *said, *to(service, "--jobs", str(jobs), "--jsonl"))
    assert outcome.code == 4
    assert len(service.sessions) == jobs
    assert last_line(outcome.err).endswith(f"{5 - jobs} not begun")
    assert not list(home.recordings.iterdir())


def test_what_happens_to_one_of_them_is_told_with_its_name(home: Home) -> None:
    said = write_talks(home.work, 30, 30, 30)
    with counting_service(fault=drops_at(8)) as service:
        outcome = home.run("file", *said, *to(service, "--jobs", "3", "--jsonl"))
    assert outcome.code == 0, outcome.err
    assert words_by_source(outcome.records) == said
    (lost,) = [record["source"] for record in outcome.records if record["type"] == "Disconnected"]
    assert f"warning: {lost}: The connection to the service was lost" in outcome.err
    assert f"{lost}: connected again" in outcome.err


def test_files_of_one_name_in_two_folders_are_told_apart(home: Home) -> None:
    for number, folder in enumerate(("monday", "tuesday"), 1):
        (home.work / folder).mkdir()
        write_talk(home.work / folder / "talk.wav", 10, number * 1000)
    asked = ["file", "monday", "tuesday", "--jobs", "2", "--jsonl"]
    with counting_service() as service:
        outcome = home.run(*asked, *to(service))
        again = home.run(*asked, *to(service))
        alone = home.run("file", "tuesday", "--jsonl", *to(service))
    expected = {"monday/talk.wav": spoken(10, 1000), "tuesday/talk.wav": spoken(10, 2000)}
    assert words_by_source(outcome.records) == expected
    assert words_by_source(again.records) == expected
    assert words_by_source(alone.records) == {"talk.wav": spoken(10, 2000)}
    assert len(service.sessions) == 2
    assert len(list(home.recordings.iterdir())) == 2


@pytest.mark.long
def test_a_reader_who_waits_holds_up_no_other_file(home: Home) -> None:
    said = write_talks(home.work, 300, 600)  # more records than a pipe takes
    with counting_service() as service:
        process = home.start("file", *said, *to(service, "--jobs", "2", "--jsonl", "--pace", "60"))
        service.wait_for_words(900)
        outcome = finish(process)
    assert outcome.code == 0, outcome.err
    assert words_by_source(outcome.records) == said
    assert all(seen.terminated for seen in service.sessions)


def test_a_folder_that_was_moved_is_not_billed_anew_and_goes_on(home: Home) -> None:
    (home.work / "mon").mkdir()
    write_talks(home.work / "mon", 5, 60)
    with counting_service() as service:
        process = home.start("file", "mon", *to(service, "--pace", "4"))
        service.wait_for_words(30)  # the first one is complete
        process.send_signal(signal.SIGINT)
        finish(process)
        (home.work / "mon").rename(home.work / "tue")
        before = len(service.sessions)
        again = home.run("file", "tue", *to(service, "--jsonl"))
    assert again.code == 0, again.err
    assert len(service.sessions) == before + 1
    assert "talk1.wav: complete already" in again.err
    assert "talk2.wav: going on with" in again.err
    assert len(list(home.recordings.iterdir())) == 2


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a disk that is always full")
@pytest.mark.parametrize("jobs", ["1", "2"])
@pytest.mark.first(1)
def test_a_full_disk_under_standard_output_is_told_once(home: Home, jobs: str) -> None:
    said = write_talks(home.work, 20, 20, 20)
    with counting_service() as service, Path("/dev/full").open("wb") as full:
        process = home.start("file", *said, *to(service, "--jobs", jobs), stdout=full)
        outcome = finish(process)
    assert outcome.code == 6
    assert outcome.err.count("error: ") == 1
    assert "error: Standard output cannot be written: No space left on device." in outcome.err
    assert last_line(outcome.err).startswith("0 of 3 files transcribed; stopped: talk1.wav")
    assert all(seen.terminated for seen in service.sessions)


@pytest.mark.parametrize("jobs", ["1", "2"])
@pytest.mark.first(1)
def test_a_reader_who_goes_away_stops_them_all_quietly(home: Home, jobs: str) -> None:
    said = write_talks(home.work, 100, 100, 100)
    with counting_service() as service:
        process = home.start("file", *said, *to(service, "--jobs", jobs))
        assert process.stdout is not None
        assert process.stdout.readline() == b"# talk1.wav\n"
        process.stdout.close()
        process.stdout = None
        outcome = finish(process)
    assert outcome.code == 0
    assert "error" not in outcome.err
    assert len(service.sessions) == int(jobs)
    assert all(seen.terminated for seen in service.sessions)
    assert last_line(outcome.err).startswith("0 of 3 files transcribed; stopped: talk1.wav")
