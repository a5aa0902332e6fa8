"""The lock of a running recording."""

from pathlib import Path

import pytest

from transcribe_cli.errors import UsageError
from transcribe_cli.recordings.lock import is_locked, locked, refuse_running


def test_only_one_has_a_recording_and_nothing_is_left(tmp_path: Path) -> None:
    with locked(tmp_path):
        assert is_locked(tmp_path)
        with pytest.raises(UsageError, match="is running"), locked(tmp_path):
            pass
        with pytest.raises(UsageError, match="is running"):
            refuse_running(tmp_path)
    assert not is_locked(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_folder_that_is_gone_is_not_locked(tmp_path: Path) -> None:
    assert not is_locked(tmp_path / "gone")
