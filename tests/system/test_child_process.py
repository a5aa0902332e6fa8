"""What a child process is given."""

import pytest

from transcribe_cli.system.child_process import child_variables


def test_programs_of_others_get_neither_key_nor_token(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("ASSEMBLYAI_API_KEY", "k"), ("AAI_STREAM_TOKEN", "t"), ("OTHER", "o")):
        monkeypatch.setenv(name, value)

    assert {"k", "t"}.isdisjoint(child_variables().values())
    assert child_variables()["OTHER"] == "o"
