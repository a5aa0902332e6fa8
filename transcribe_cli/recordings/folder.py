"""A recording's folder, `<save-dir>/<YYYY-MM-DD-HHMMSS>[-name]/`, and its files."""

import os
import re
from datetime import datetime
from pathlib import Path

from transcribe_cli.errors import UsageError

AUDIO = "audio.wav"
JOURNAL = "journal.jsonl"
TRANSCRIPT = "transcript.txt"


def recording_id(started: datetime, name: str = "") -> str:
    """The name of the folder: local time, then the slug of the transcribed file.

    >>> recording_id(datetime(2026, 11, 20, 9, 5, 7), "Team meeting.wav")
    '2026-11-20-090507-team-meeting'
    """
    slug = recording_slug(name)
    return f"{started:%Y-%m-%d-%H%M%S}" + (f"-{slug}" if slug else "")


def recording_slug(name: str) -> str:
    """A file's name in the form in which it becomes part of a folder's name."""
    return re.sub(r"[^\w]+", "-", Path(name).stem.lower()).strip("-_")[:40]


def create_folder(save_dir: Path, recording: str) -> Path:
    """Create a recording's folder; a second one in the same second gets a number.

    Raises:
        UsageError: the folder cannot be created.
    """
    number = 1
    while True:
        folder = save_dir / (recording if number == 1 else f"{recording}-{number}")
        try:
            folder.mkdir(mode=0o700, parents=True)  # private to the user
        except FileExistsError as e:
            # The save-dir decides: another process may just have removed the folder itself.
            if not save_dir.is_dir():
                raise _unwritable(save_dir, e) from e
            number += 1
        except OSError as e:
            raise _unwritable(save_dir, e) from e
        else:
            return folder


def is_junction(path: str | Path) -> bool:
    """Whether the path is a junction, which is Windows' link to a folder."""
    return bool(getattr(os.path, "isjunction", lambda _: False)(path))


def is_link(path: str | Path) -> bool:
    """Whether the path is a symbolic link or a junction."""
    return os.path.islink(path) or is_junction(path)  # noqa: PTH114  # of many


def is_recording(folder: Path) -> bool:
    """Whether it is a real folder (no link) that contains an entry with the journal's name."""
    return folder.is_dir() and not is_link(folder) and os.path.lexists(folder / JOURNAL)


def _unwritable(save_dir: Path, e: OSError) -> UsageError:
    return UsageError(
        f"No recording can be saved in '{save_dir}': {e.strerror or e}.",
        "choose another --save-dir, or --no-save",
    )
