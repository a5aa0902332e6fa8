"""`aai-stream replay`: show a recording again as it happened."""

import contextlib
import queue
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from msgspec import Struct

from transcribe_cli.errors import StreamError
from transcribe_cli.exit_status import ExitStatus
from transcribe_cli.settings.environment import Environment
from transcribe_cli.settings.option_types import (
    Argument,
    Color,
    ColorOption,
    NonSpeech,
    NonSpeechOption,
    Option,
    RecordingsOption,
)

if TYPE_CHECKING:
    from transcribe_cli.recordings.journal import JournalRecord
    from transcribe_cli.recordings.scenes import Scene
    from transcribe_cli.ui.live_view import LiveView
    from transcribe_cli.ui.notices import Notices
    from transcribe_cli.ui.replay import Player


class ReplayOptions(Struct, frozen=True, kw_only=True):
    """Options of `replay`."""

    recording: Annotated[
        str,
        Argument(
            "Its id, the beginning of it, latest, or a JSON Lines file.", "RECORDING|FILE.jsonl"
        ),
    ]
    speed: Annotated[float, Option("Times as fast as it happened.", least=0.01, metavar="X")] = 1.0
    instant: Annotated[bool, Option("Print the final view at once.", ("--instant",))] = False
    save_dir: RecordingsOption = None
    color: ColorOption = Color.AUTO
    non_speech: NonSpeechOption = NonSpeech.DIM


def replay(environment: Environment, asked: ReplayOptions) -> ExitStatus:
    """Show a recording on the terminal; without one, write its text.

    Raises:
        StreamError: there is no such recording, or the file holds none.
    """
    from transcribe_cli.recordings.scenes import scenes, with_final_speakers
    from transcribe_cli.ui.notices import Notices, make_consoles

    played = scenes(read_records(asked.recording, asked.save_dir))
    stdout, stderr = make_consoles(asked.color, environment.variables)
    if not stdout.is_terminal:
        _write_text(environment, with_final_speakers(played), asked.non_speech)
        return ExitStatus.OK
    from transcribe_cli.ui.key_table import keys_in
    from transcribe_cli.ui.live_view import LiveView
    from transcribe_cli.ui.pending_marks import GRACE_S
    from transcribe_cli.ui.replay import Player

    notices = Notices(stderr)
    view = LiveView(
        stdout,
        non_speech=asked.non_speech,
        keys=keys_in("replay"),
        grace_s=0.0 if asked.instant else GRACE_S,  # the records are all there
    )
    player = Player(view, notices)
    if asked.instant:
        with _told_by(view, notices):
            for scene in with_final_speakers(played):
                player.show(scene)
            player.end()
        with view:
            return ExitStatus.OK
    return _show(played, player, view, notices, asked.speed)


def _show(
    played: "Sequence[Scene]", player: "Player", view: "LiveView", notices: "Notices", speed: float
) -> ExitStatus:
    from transcribe_cli.system.signals import stop_signals
    from transcribe_cli.ui.key_reader import KeyReader
    from transcribe_cli.ui.key_table import announced
    from transcribe_cli.ui.replay import Replay
    from transcribe_cli.ui.suspend import suspend_signals

    inbox: queue.SimpleQueue[str] = queue.SimpleQueue()
    keys = KeyReader(lambda key: inbox.put(key.name), typed_ahead=lambda: view.typed_ahead)
    with (
        stop_signals(inbox.put) as signals,
        suspend_signals(inbox.put),
        view,
        _told_by(view, notices),
        keys,
    ):
        view.key_words = announced("replay", has_keys=keys.is_open)

        def wait(seconds: float) -> str | None:
            with contextlib.suppress(queue.Empty):
                event = inbox.get(timeout=seconds)
                signals.taken()
                return event
            return None

        return Replay(player, view, keys, speed, wait).run(played)


def read_records(name: str, save_dir: str | None) -> "Sequence[JournalRecord]":
    """The records of a file, or of the journal of a recording.

    Raises:
        StreamError: there is none by that name, it cannot be read, or it holds no record.
    """
    from transcribe_cli.recordings.folder import JOURNAL, is_recording
    from transcribe_cli.recordings.journal import read_journal, records_in
    from transcribe_cli.recordings.saved_recordings import find_recording
    from transcribe_cli.settings.user_folders import save_dir_of

    path = Path(name)
    named = path.is_file()
    if not named:
        if path.suffix in (".jsonl", ".json", ".wav") and not path.is_dir():
            raise StreamError(
                f"There is no file '{name}'.",
                "check the name and the folder, or name a recording",
                exit_status=ExitStatus.AUDIO,
            )
        folder = path if is_recording(path) else find_recording(save_dir_of(save_dir), name).folder
        path = folder / JOURNAL
    try:
        if named:
            with path.open("rb") as file:
                records = list(records_in(file))
        else:
            records = read_journal(path)
    except OSError as e:
        raise StreamError(
            f"'{path}' cannot be read: {e.strerror or e}.",
            "check its permissions",
            exit_status=ExitStatus.AUDIO,
        ) from e
    if not any("v" in record for record in records):
        raise StreamError(
            f"'{path}' holds no records.",
            "it takes what --jsonl and -o x.jsonl write",
            exit_status=ExitStatus.AUDIO,
        )
    return records


@contextlib.contextmanager
def _told_by(view: "LiveView", notices: "Notices") -> Iterator[None]:
    """While open, notices go through the view."""
    notices.sink = view.notice
    try:
        yield
    finally:
        notices.sink = None


def _write_text(environment: Environment, played: "Sequence[Scene]", shown: NonSpeech) -> None:
    from transcribe_cli.outputs.plain_text import text_lines

    keep = shown is not NonSpeech.HIDE
    for scene in played:
        if scene.update is not None and scene.update.final:
            for line in text_lines(scene.update, non_speech=keep):
                environment.write(line + "\n")
