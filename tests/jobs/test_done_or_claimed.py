"""Who transcribes a file: one at a time, whatever else there is of it."""

import contextlib
import errno
import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from transcribe_cli.audio.excerpt import EVERYTHING, Range
from transcribe_cli.jobs import done_or_claimed
from transcribe_cli.jobs.done_or_claimed import (
    AlreadyRunning,
    Claim,
    Work,
    claim,
    look_before_claiming,
    work_of_file,
    work_of_journal,
)
from transcribe_cli.outputs.jsonl_records import encode_json
from transcribe_cli.recordings import lock as lock_module
from transcribe_cli.recordings import recording_index, saved_recordings
from transcribe_cli.recordings.fingerprint import fingerprint_of, stamp_of
from transcribe_cli.recordings.folder import JOURNAL, create_folder
from transcribe_cli.recordings.journal import JournalSummary
from transcribe_cli.recordings.lock import LOCK_FILE, is_locked, locked
from transcribe_cli.recordings.recording_index import LOG_FILE, RecordingIndex
from transcribe_cli.recordings.saved_recordings import Recording, load_recording

QUERY = {"speech_model": "u3-rt-pro", "sample_rate": 16000}
TIME = "2026-11-20T09:05:07.000Z"


@pytest.fixture
def talk(tmp_path: Path) -> Path:
    path = tmp_path / "talk.wav"
    path.write_bytes(b"RIFF")
    return path


@pytest.fixture
def save_dir(tmp_path: Path) -> Path:
    return tmp_path / "recordings"


def work(path: Path, part: Range = EVERYTHING, *, engine: str = "", **query: Any) -> Work:
    found = work_of_file(str(path), QUERY | query, part, engine=engine)
    assert found is not None
    return found


def start_of(path: Path, **more: Any) -> dict[str, Any]:
    return {
        "path": str(path),
        "file": fingerprint_of(path),
        "parameters": QUERY,
        "local": False,
    } | more


def save(save_dir: Path, name: str, path: Path, *, complete: bool | None, **more: Any) -> Path:
    """A recording of an earlier run; `complete` None: it was cut off."""
    folder = save_dir / name
    folder.mkdir(parents=True)
    audio = {"sample_rate": 16000, "channels": 1}
    records = [
        {"type": "Recording", "time": TIME, "source": path.name, "kind": "file", "audio": audio}
        | start_of(path, **more)
    ]
    if complete is not None:
        records.append({"type": "Summary", "time": TIME, "complete": complete})
    (folder / JOURNAL).write_text("".join(json.dumps(record) + "\n" for record in records))
    return folder


def claimed(
    save_dir: Path, path: Path, held: contextlib.ExitStack, *, again: bool = False, **query: Any
) -> Claim:
    return claim(save_dir, path.name, work(path, **query), held, again=again)


# What is the same.


def test_a_recording_and_its_file_are_the_same_work(talk: Path) -> None:
    assert work_of_journal(JournalSummary(start_of(talk))) == work(talk).digest
    excerpt = {"start": 1000, "duration": 2500}
    assert (
        work_of_journal(JournalSummary(start_of(talk, excerpt=excerpt)))
        == work(talk, Range(1.0, 2.5)).digest
    )
    assert (
        work_of_journal(JournalSummary(start_of(talk, local=True, engine="moonshine")))
        == work(talk, engine="moonshine").digest
    )


def test_another_part_model_service_or_file_is_other_work(talk: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.wav"
    other.write_bytes(b"RIFF")
    found = [
        work(talk),
        work(other),
        work(talk, Range(1.0)),
        work(talk, Range(0.0, 1.0)),
        work(talk, engine="moonshine"),
        work(talk, engine="pocketsphinx"),
        work(talk, engine="moonshine:/models/base-en"),
        work(talk, speech_model="whisper-rt"),
        work(talk, keyterms_prompt=["Sonny"]),
    ]
    talk.write_bytes(b"RIFF and more")
    assert len({*found, work(talk)}) == len(found) + 1


def test_a_file_is_the_same_by_any_path(talk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(talk.parent)
    link = talk.with_name("link.wav")
    link.symlink_to(talk)
    assert work(Path("talk.wav")) == work(link) == work(talk)


@pytest.mark.parametrize("path", ["/none", "a\0b"])
def test_a_file_that_is_not_there_is_no_work(path: str) -> None:
    assert work_of_file(path, QUERY, EVERYTHING) is None


@pytest.mark.parametrize("odd", [{"start": "x"}, {"start": 1e308, "duration": []}, {"start": None}])
def test_an_odd_journal_is_no_work(talk: Path, odd: dict[str, Any]) -> None:
    assert work_of_journal(JournalSummary(start_of(talk, excerpt=odd))) is None
    assert work_of_journal(JournalSummary({})) not in work(talk)


def test_a_file_is_the_same_where_it_has_been_moved_to(talk: Path, tmp_path: Path) -> None:
    moved, other = tmp_path / "deep" / "talk.wav", tmp_path / "other" / "talk.wav"
    for path in (moved, other):
        path.parent.mkdir()
        shutil.copy2(talk, path)
    assert work(moved).digest == work(talk).digest
    other.write_bytes(b"RAFF")  # as long, and made in the same moment
    times = talk.stat()
    os.utime(other, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert work(other).digest != work(talk).digest


def test_an_old_recording_is_known_by_its_path(talk: Path, tmp_path: Path) -> None:
    old = JournalSummary(start_of(talk, file=stamp_of(talk)))
    assert work_of_journal(old) == work(talk).by_path
    (tmp_path / "deep").mkdir()
    moved = tmp_path / "deep" / "talk.wav"
    shutil.copy2(talk, moved)
    assert work_of_journal(old) not in work(moved)


@pytest.mark.skipif(sys.platform == "darwin", reason="names are always UTF-8 there")
def test_a_name_that_is_no_text_is_the_same_in_a_journal(tmp_path: Path) -> None:
    talk = tmp_path / os.fsdecode(b"caf\xe9.wav")
    talk.write_bytes(b"RIFF")
    start = json.loads(encode_json(start_of(talk)))
    assert work_of_journal(JournalSummary(start)) == work(talk).digest


# What is claimed.


def test_a_new_file_gets_a_folder_and_nobody_else_gets_it(talk: Path, save_dir: Path) -> None:
    with contextlib.ExitStack() as held:
        folder, earlier = claimed(save_dir, talk, held)
        assert earlier is None
        assert folder is not None
        for again in (False, True):
            with pytest.raises(AlreadyRunning) as e, contextlib.ExitStack() as other:
                claimed(save_dir, talk, other, again=again)
            assert e.value.recording == folder.name
            assert e.value.exit_status == 6
        assert [path.name for path in save_dir.iterdir()] == [folder.name]
    assert list(save_dir.iterdir()) == []  # nothing came of it


def test_the_same_file_with_other_settings_is_no_hindrance(talk: Path, save_dir: Path) -> None:
    with contextlib.ExitStack() as held:
        folders = {
            claimed(save_dir, talk, held).folder,
            claimed(save_dir, talk, held, speech_model="whisper-rt").folder,
            claim(save_dir, "mic", None, held, again=True).folder,
            claim(save_dir, "mic", None, held, again=True).folder,
        }
        assert len(folders) == 4


def test_a_file_by_another_name_is_found_running(talk: Path, save_dir: Path) -> None:
    link = talk.with_name("link.wav")
    link.symlink_to(talk)
    with contextlib.ExitStack() as held:
        claimed(save_dir, talk, held)
        with pytest.raises(AlreadyRunning):
            claimed(save_dir, link, held)


def test_what_is_complete_is_not_claimed(talk: Path, save_dir: Path) -> None:
    folder = save(save_dir, "2026-11-20-090507-talk", talk, complete=True)
    with contextlib.ExitStack() as one, contextlib.ExitStack() as two:
        for held in (one, two):
            found = claimed(save_dir, talk, held)
            assert found.folder == folder
            assert found.previous is not None
            assert found.previous.state == "complete"
        assert claimed(save_dir, talk, one, again=True).folder != folder


@pytest.mark.parametrize("complete", [False, None])
def test_what_was_cut_off_goes_on_once(talk: Path, save_dir: Path, complete: bool | None) -> None:
    folder = save(save_dir, "2026-11-20-090507-talk", talk, complete=complete)
    with contextlib.ExitStack() as held:
        found = claimed(save_dir, talk, held)
        assert found.folder == folder
        assert found.previous is not None
        assert found.previous.state in ("incomplete", "interrupted")
        with pytest.raises(AlreadyRunning):
            claimed(save_dir, talk, held)
    assert folder.exists()


def test_one_that_is_resumed_by_hand_is_running(talk: Path, save_dir: Path) -> None:
    folder = save(save_dir, "2026-11-20-090507-talk", talk, complete=False)
    with locked(folder), pytest.raises(AlreadyRunning), contextlib.ExitStack() as held:
        claimed(save_dir, talk, held)


def test_whoever_has_a_note_is_known_by_it_whatever_its_journal_says(
    talk: Path, save_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Journals of recordings that run for hours are long."""
    other = talk.with_name("other.wav")
    other.write_bytes(b"RIFF")

    def load(folder: Path) -> Recording:
        raise AssertionError(f"the journal of {folder.name} is read")

    with contextlib.ExitStack() as held:
        for name, what in (("other.wav", work(other)), ("", None)):
            folder = claim(save_dir, name, what, held, again=True).folder
            assert folder is not None
            (folder / JOURNAL).touch()
        monkeypatch.setattr(saved_recordings, "load_recording", load)
        assert claimed(save_dir, talk, held).previous is None


@pytest.mark.parametrize("complete", [True, False])
def test_no_journal_is_read_while_others_wait(
    talk: Path, save_dir: Path, monkeypatch: pytest.MonkeyPatch, complete: bool
) -> None:
    folder = save(save_dir, "2026-11-20-090507-talk", talk, complete=complete)
    others_wait = []

    def load(folder: Path) -> Recording:
        others_wait.append(is_locked(save_dir))
        return load_recording(folder)

    monkeypatch.setattr(saved_recordings, "load_recording", load)
    with contextlib.ExitStack() as held:
        assert claimed(save_dir, talk, held).folder == folder
    assert others_wait == ([False] if complete else [False, False])


def test_what_another_one_completes_in_the_last_moment_is_seen(
    talk: Path, save_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut = save(save_dir, "2026-11-20-090507-talk", talk, complete=False)

    @contextlib.contextmanager
    def alone_late(save_dir: Path) -> Iterator[None]:
        with (cut / JOURNAL).open("a") as journal:
            journal.write(json.dumps({"type": "Summary", "time": TIME, "complete": True}) + "\n")
        yield

    monkeypatch.setattr(done_or_claimed, "save_dir_locked", alone_late)
    with contextlib.ExitStack() as held:
        earlier = claimed(save_dir, talk, held).previous
    assert earlier is not None
    assert earlier.state == "complete"


def test_a_lock_that_was_left_behind_means_nothing(talk: Path, save_dir: Path) -> None:
    folder = save(save_dir, "2026-11-20-090507-talk", talk, complete=None)
    (folder / LOCK_FILE).write_text(work(talk).digest)
    (save_dir / LOCK_FILE).write_text("")
    with contextlib.ExitStack() as held:
        assert claimed(save_dir, talk, held).folder == folder


def test_a_save_dir_that_cannot_be_had_is_told(talk: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(Exception, match="No recording can be saved"),
        contextlib.ExitStack() as held,
    ):
        claimed(tmp_path / "file" / "recordings", talk, held)


def test_another_track_of_the_same_file_is_other_work_and_its_journal_says_so(talk: Path) -> None:
    assert work(talk, Range(track=2)) not in (work(talk), work(talk, Range(track=1)))
    start = start_of(talk, excerpt={"start": 0, "track": 2})

    assert work_of_journal(JournalSummary(start)) == work(talk, Range(track=2)).digest


def test_how_much_is_opened_for_a_file_is_no_matter_of_how_many_there_are(
    talk: Path, save_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_at: list[str] = []

    def count(module: Any, name: str) -> None:
        real = getattr(module, name)

        def counted(folder: Path) -> Any:
            looked_at.append(folder.name)
            return real(folder)

        monkeypatch.setattr(module, name, counted)

    for number in range(200):
        save(save_dir, f"2026-11-20-{number:06}-other-talk", talk, complete=True)
    save(save_dir, "2026-11-20-090507-talk", talk, complete=True)
    for module in (done_or_claimed, saved_recordings):
        count(module, "is_locked")
    count(recording_index, "is_recording")
    index = RecordingIndex(save_dir)
    for _ in range(10):
        with contextlib.ExitStack() as held:
            found = claim(save_dir, talk.name, work(talk), held, again=False, index=index)
        assert found.previous is not None
    assert set(looked_at) == {"2026-11-20-090507-talk"}


def keeping(save_dir: Path) -> RecordingIndex:
    """The index of a process that transcribes many files."""
    index = RecordingIndex(save_dir)
    index.keeps_log = True
    return index


def talks_in(folder: Path, count: int) -> list[Path]:
    folder.mkdir()
    talks = [folder / f"{number}.wav" for number in range(count)]
    for talk in talks:
        talk.write_bytes(talk.name.encode())
    return talks


@pytest.fixture
def listed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is listed; no second is ever over."""
    listed: list[str] = []
    real = os.listdir

    def counted(path: Path) -> list[str]:
        listed.append(path.name)
        return real(path)

    monkeypatch.setattr(os, "listdir", counted)
    monkeypatch.setattr(recording_index, "_LIST_EVERY_S", float("inf"))
    return listed


def test_of_many_files_that_several_processes_begin_each_lists_the_save_dir_once(
    tmp_path: Path, save_dir: Path, listed: list[str]
) -> None:
    indexes = [keeping(save_dir), keeping(save_dir)]
    gives_out = RecordingIndex(save_dir)  # as who gives files to workers
    with contextlib.ExitStack() as held:
        for number, talk in enumerate(talks_in(tmp_path / "talks", 20)):
            assert look_before_claiming(talk.name, work(talk), gives_out, again=False) is None
            index, other = indexes[number % 2], indexes[1 - number % 2]
            claim(save_dir, talk.name, work(talk), held, again=False, index=index)
            with pytest.raises(AlreadyRunning):
                claim(save_dir, "link.wav", work(talk), held, again=False, index=other)
            assert not (save_dir / LOCK_FILE).exists()
    # Each at its first glance and once under the lock; and who gives out, at its first glance.
    assert len(listed) == 2 * 2 + 1


def opened_for(save_dir: Path, talks: list[Path]) -> int:
    """How often something in the save-dir is opened while these are claimed side by side."""
    opened: list[str] = []

    def note(event: str, arguments: tuple[object, ...]) -> None:
        if event == "open" and watching and str(arguments[0]).startswith(str(save_dir)):
            opened.append(str(arguments[0]))

    watching = True
    sys.addaudithook(note)
    try:
        index = keeping(save_dir)
        with contextlib.ExitStack() as held:
            for talk in talks:
                claim(save_dir, talk.name, work(talk), held, again=False, index=index)
    finally:
        watching = False  # such a hook stays
    return len(opened)


def test_of_files_that_run_side_by_side_each_opens_as_little_as_the_first(
    tmp_path: Path, save_dir: Path
) -> None:
    talks = talks_in(tmp_path / "talks", 100)
    # Five: the log at the glance, the save-dir's lock, the log to read and to write, the file's
    # lock. The log counts twice each time, as what is opened by an opener of `FileIO` does.
    assert opened_for(save_dir, talks) <= 8 * len(talks) + 8


def test_of_many_files_of_one_name_each_journal_is_read_once(
    tmp_path: Path, save_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    talks = [tmp_path / f"{n}" / "audio.wav" for n in range(20)]
    for number, talk in enumerate(talks):
        talk.parent.mkdir()
        talk.write_bytes(str(number).encode())
        save(save_dir, f"2026-11-20-{number:06}-audio", talk, complete=True)
    read: list[str] = []

    def load(folder: Path) -> Recording:
        read.append(folder.name)
        return load_recording(folder)

    monkeypatch.setattr(saved_recordings, "load_recording", load)
    index = keeping(save_dir)
    for talk in talks:
        with contextlib.ExitStack() as held:
            found = claim(save_dir, talk.name, work(talk), held, again=False, index=index)
        assert found.previous is not None and found.previous.state == "complete"
    assert len(read) < 2 * len(talks)


def test_what_is_written_down_for_others_goes_with_the_last_who_wrote_it(
    talk: Path, save_dir: Path
) -> None:
    index = keeping(save_dir)
    with contextlib.ExitStack() as held:
        claim(save_dir, talk.name, work(talk), held, again=False, index=index)
        assert (save_dir / LOG_FILE).exists()
        one = RecordingIndex(save_dir)  # of a process with one file, which leaves it there
        with contextlib.ExitStack() as also:
            claim(save_dir, "x", work(talk, Range(1.0)), also, again=False, index=one)
            one.close()
            with pytest.raises(AlreadyRunning):  # and is seen
                claim(save_dir, "y", work(talk, Range(1.0)), held, again=False, index=index)
        assert (save_dir / LOG_FILE).exists()
    index.close()
    assert list(save_dir.iterdir()) == []


@pytest.mark.parametrize("name", ["../elsewhere", "..", "a/b", "", "C:\\x"])
def test_a_log_that_a_stranger_wrote_names_nothing_outside(
    talk: Path, tmp_path: Path, save_dir: Path, name: str
) -> None:
    save(tmp_path, "elsewhere", talk, complete=False)
    save_dir.mkdir()
    index = RecordingIndex(save_dir)
    with (save_dir / LOG_FILE).open("w", newline="\n") as log:
        log.write(f"{time.time():010.0f} 0123456789abcdef\n")
        log.write(f"{work(talk).digest} {name}\n\xff\n")
    with contextlib.ExitStack() as held:
        found = claim(save_dir, talk.name, work(talk), held, again=False, index=index)
    assert found.previous is None


def test_where_nothing_can_be_written_down_others_list_the_save_dir(
    talk: Path, save_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = keeping(save_dir), keeping(save_dir)
    with contextlib.ExitStack() as held:
        for index, part in ((first, 1.0), (second, 2.0)):
            some = work(talk, Range(part))
            claim(save_dir, talk.name, some, held, again=False, index=index)
        with monkeypatch.context() as patched:
            patched.setattr(recording_index, "_write", lambda *_: 0)  # a full disk
            claim(save_dir, talk.name, work(talk), held, again=False, index=first)
        for index in (second, first):
            with pytest.raises(AlreadyRunning):
                claim(save_dir, "link.wav", work(talk), held, again=False, index=index)


def test_who_cannot_read_the_log_removes_it_so_that_others_see_what_is_begun(
    talk: Path, save_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording_index, "_LIST_EVERY_S", float("inf"))
    first, second = keeping(save_dir), RecordingIndex(save_dir)

    def too_many_files(*_: Any, **__: Any) -> Any:
        raise OSError(errno.EMFILE, "Too many open files")

    with contextlib.ExitStack() as held:
        some = work(talk, Range(1.0))
        claim(save_dir, talk.name, some, held, again=False, index=first)
        with monkeypatch.context() as patched:
            patched.setattr(recording_index, "FileIO", too_many_files)
            claim(save_dir, talk.name, work(talk), held, again=False, index=second)
        with pytest.raises(AlreadyRunning):
            claim(save_dir, talk.name, work(talk), held, again=False, index=first)


def test_a_folder_that_was_only_just_made_when_it_was_seen_is_seen_running(
    talk: Path, save_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = RecordingIndex(save_dir)

    def create(save_dir: Path, recording: str) -> Path:
        folder = create_folder(save_dir, recording)
        index.glance()  # by another process, before the folder is locked
        return folder

    monkeypatch.setattr(done_or_claimed, "create_folder", create)
    with contextlib.ExitStack() as held:
        claimed(save_dir, talk, held)
        with pytest.raises(AlreadyRunning):
            claim(save_dir, talk.name, work(talk), held, again=False, index=index)


def test_what_comes_into_a_save_dir_while_many_are_claimed_is_seen_within_a_second(
    talk: Path, save_dir: Path, monkeypatch: pytest.MonkeyPatch, listed: list[str]
) -> None:
    """It was moved there, or begun by somebody who may not write there what he begins."""
    index = keeping(save_dir)
    with contextlib.ExitStack() as held:
        for part in (1.0, 2.0):
            some = work(talk, Range(part))
            claim(save_dir, talk.name, some, held, again=False, index=index)
        folder = save(save_dir, "2026-11-20-090507-talk", talk, complete=True)
        assert look_before_claiming("talk", work(talk), index, again=False) is None
        monkeypatch.setattr(index, "_list_at", 0.0)
        found = claim(save_dir, talk.name, work(talk), held, again=False, index=index)
        assert found.folder == folder
    assert len(listed) == 3


@pytest.mark.parametrize("keeps", [True, False])
def test_a_log_of_one_that_was_killed_goes_after_a_day(
    talk: Path, save_dir: Path, monkeypatch: pytest.MonkeyPatch, keeps: bool
) -> None:
    def claimed_with(index: RecordingIndex, part: float) -> bytes | None:
        with contextlib.ExitStack() as held:
            some = work(talk, Range(part))
            claim(save_dir, talk.name, some, held, again=False, index=index)
        log = save_dir / LOG_FILE
        return log.read_bytes()[:28] if log.exists() else None

    first = claimed_with(keeping(save_dir), 1.0)
    assert first is not None
    index = keeping(save_dir) if keeps else RecordingIndex(save_dir)
    assert claimed_with(index, 2.0) == first
    monkeypatch.setattr(recording_index, "_LOG_LASTS_S", -1)
    then = claimed_with(index, 3.0)
    assert then != first
    assert (then is not None) == keeps


def test_a_folder_that_has_the_name_of_one_that_has_gone_is_of_other_work(
    talk: Path, save_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(done_or_claimed, "recording_id", lambda *_: "2026-11-20-090507-talk")
    index, other = keeping(save_dir), work(talk, Range(1.0))
    with contextlib.ExitStack() as held:  # which could not be opened
        gone = claim(save_dir, talk.name, other, held, again=False, index=index).folder
    with contextlib.ExitStack() as held:
        found = claim(save_dir, talk.name, work(talk), held, again=False, index=index)
        assert found.folder == gone
        claim(save_dir, talk.name, other, held, again=False, index=index)
        with pytest.raises(AlreadyRunning):
            claim(save_dir, talk.name, work(talk), held, again=False, index=index)


def test_a_journal_that_cannot_be_read_at_first_is_read_again(talk: Path, save_dir: Path) -> None:
    folder = save(save_dir, "2026-11-20-090507-talk", talk, complete=False)
    records = (folder / JOURNAL).read_bytes()
    (folder / JOURNAL).write_bytes(b"")
    index = keeping(save_dir)
    assert look_before_claiming(talk.name, work(talk), index, again=False) is None
    (folder / JOURNAL).write_bytes(records)
    with contextlib.ExitStack() as held:
        found = claim(save_dir, talk.name, work(talk), held, again=False, index=index)
        assert found.folder == folder


@pytest.mark.skipif(sys.platform == "win32", reason="links need a right there")
@pytest.mark.parametrize("noted", [True, False])
def test_a_link_to_a_recording_elsewhere_is_not_followed(
    talk: Path, tmp_path: Path, save_dir: Path, noted: bool
) -> None:
    elsewhere = save(tmp_path, "elsewhere", talk, complete=False)
    (elsewhere / LOCK_FILE).write_text(work(talk).digest)  # as one that was killed leaves it
    index = keeping(save_dir)
    with contextlib.ExitStack() as held:
        some = work(talk, Range(1.0))
        claim(save_dir, talk.name, some, held, again=False, index=index)
        link = save_dir / "2026-11-20-090507-talk"
        link.symlink_to(elsewhere)
        if noted:
            index.note(work(talk).digest, link.name)
        else:
            index = RecordingIndex(save_dir)
        found = claim(save_dir, talk.name, work(talk), held, again=False, index=index)
    assert found.previous is None
    assert (elsewhere / LOCK_FILE).exists()


@pytest.mark.skipif(sys.platform == "win32", reason="links need a right there")
def test_a_link_where_the_log_should_be_is_left_alone(talk: Path, save_dir: Path) -> None:
    precious = talk.with_name("precious")
    precious.write_text("mine")
    save_dir.mkdir()
    (save_dir / LOG_FILE).symlink_to(precious)
    index = keeping(save_dir)
    with contextlib.ExitStack() as held:
        claim(save_dir, talk.name, work(talk), held, again=False, index=index)
        with pytest.raises(AlreadyRunning):
            claimed(save_dir, talk, held)
    index.close()
    assert precious.read_text() == "mine"
    assert [path.name for path in save_dir.iterdir()] == [LOG_FILE]


def test_an_index_sees_what_others_begin_and_end(talk: Path, save_dir: Path) -> None:
    index = RecordingIndex(save_dir)
    for _ in range(2):
        with contextlib.ExitStack() as theirs:
            folder = claimed(save_dir, talk, theirs).folder
            with pytest.raises(AlreadyRunning), contextlib.ExitStack() as ours:
                claim(save_dir, talk.name, work(talk), ours, again=False, index=index)
            assert folder is not None
        with contextlib.ExitStack() as ours:
            assert claim(save_dir, talk.name, work(talk), ours, again=False, index=index).folder


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no mask of signals")
def test_ctrl_c_while_a_folder_is_locked_leaves_none(
    save_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lock(handle: int, *, shared: bool) -> bool:
        signal.raise_signal(signal.SIGINT)
        return before(handle, shared=shared)

    before = lock_module._lock
    monkeypatch.setattr(lock_module, "_lock", lock)

    with pytest.raises(KeyboardInterrupt), contextlib.ExitStack() as held:
        claim(save_dir, "mic", None, held, again=True)

    assert list(save_dir.iterdir()) == []
