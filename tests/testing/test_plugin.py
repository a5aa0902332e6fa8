"""The pytest plugin in a project outside this one, whose only test uses the fixture."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.program import LONG_DEADLINE_S, ROOT
from transcribe_cli.testing.plugin import _scenario_of

PROJECT_TEST = """
import json

import pytest
from websockets.sync.client import connect


@pytest.mark.assemblyai_service(
    scenario=[{"type": "Turn", "turn_order": 0, "end_of_turn": True, "transcript": "Hello."}]
)
def test_my_client(assemblyai_service):
    url = f"{assemblyai_service.url}?speech_model=u3-rt-pro&sample_rate=16000"
    with connect(url, proxy=None, additional_headers={"Authorization": "any"}) as socket:
        socket.send(bytes(3200))
        socket.send('{"type":"Terminate"}')
        said = [json.loads(message) for message in socket]
    assert [message["type"] for message in said] == ["Begin", "Turn", "Termination"]
    (heard,) = assemblyai_service.wait_for(1)
    heard.assert_parameters(speech_model="u3-rt-pro")
    heard.assert_audio(bytes(3200))
    heard.assert_terminated()
"""


def run_pytest(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", "-m", "pytest", "-p", "no:cacheprovider", *arguments],
        cwd=folder,
        env={name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
        | {"PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        timeout=LONG_DEADLINE_S,
    )


TURN = [{"type": "Turn"}]


@pytest.mark.parametrize(
    ("mark", "scenario"),
    [
        (pytest.mark.assemblyai_service(scenario=TURN), TURN),
        (pytest.mark.assemblyai_service(TURN), TURN),
        (pytest.mark.assemblyai_service(), None),
    ],
)
def test_a_mark_says_what_is_played(mark: pytest.MarkDecorator, scenario: object) -> None:
    assert _scenario_of(mark.mark) == scenario


@pytest.mark.parametrize(
    ("mark", "said"),
    [
        (pytest.mark.assemblyai_service(TURN, 2), "takes from 0 to 1 positional arguments"),
        (pytest.mark.assemblyai_service(scene=TURN), "unexpected keyword argument 'scene'"),
    ],
)
def test_a_mark_that_would_have_no_effect_is_an_error(
    mark: pytest.MarkDecorator, said: str
) -> None:
    with pytest.raises(pytest.fail.Exception, match=said):
        _scenario_of(mark.mark)


@pytest.mark.long
def test_a_project_outside_uses_the_fixture(tmp_path: Path) -> None:
    (tmp_path / "test_mine.py").write_text(PROJECT_TEST, encoding="utf-8")
    (tmp_path / "pytest.ini").write_text(
        "[pytest]\nfilterwarnings = error\naddopts = --strict-markers\n", encoding="utf-8"
    )
    ran = run_pytest(tmp_path, "-p", "transcribe_cli.testing.plugin", "-q")
    assert "1 passed" in ran.stdout, ran.stdout + ran.stderr


def test_the_plugin_is_an_entry_point_and_imports_nothing_until_it_is_used() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    (plugin,) = project["entry-points"]["pytest11"].values()
    script = (
        "import sys, pytest; before = set(sys.modules)\n"
        f"import {plugin}\n"
        "print(sorted(set(sys.modules) - before))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    package = ["transcribe_cli", "transcribe_cli.testing", "transcribe_cli.testing.plugin"]
    assert ran.stdout.strip() == str(package)
