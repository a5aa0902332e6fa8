"""`aai-stream devices` where there is no microphone."""

from typing import Any, cast

import pytest

from transcribe_cli.commands import devices
from transcribe_cli.errors import AudioError


def test_no_device_at_all_is_an_error_with_a_hint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "list_devices", list)
    monkeypatch.setattr(devices, "keep_devices", lambda names: None)
    with pytest.raises(AudioError, match="There is no input device") as told:
        devices.devices(cast(Any, None), as_json=False)
    assert "aai-stream doctor" in told.value.hint
