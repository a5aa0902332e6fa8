"""A `.env` that came with somebody else's folder."""

import json
from pathlib import Path

import pytest

from tests.counting import counting_service, write_wav
from tests.hostile.foreign_recordings import KEY, TOKEN, heard_from_nobody, stranger_listens
from tests.program import Home

pytestmark = pytest.mark.usefixtures("in_process")

SECRET = "aws-secret-of-the-user"
OFFLINE = {"https_proxy": "http://127.0.0.1:9"}  # nothing leaves this machine


@pytest.fixture
def victim(home: Home) -> Path:
    """A file of the user's that is worth something."""
    write_wav(home.work / "talk.wav", 3)
    path = home.path / "bashrc.txt"
    path.write_text("precious\n")
    return path


@pytest.mark.parametrize("name", ["OUTPUT", "RECORD", "CAPTIONS_FILE", "SAVE_DIR", "CONFIG"])
@pytest.mark.first(2)
def test_it_names_no_path(home: Home, victim: Path, name: str) -> None:
    elsewhere = home.path / "elsewhere"
    path = elsewhere if name == "SAVE_DIR" else victim
    (home.work / ".env").write_text(f"AAI_STREAM_{name}={path}\n")
    with counting_service() as service:
        # An empty variable is none: what `.env` says would count.
        outcome = home.run(
            *("file", "talk.wav", "--endpoint", service.url, "--text", "--no-save"),
            env={"AAI_STREAM_SAVE_DIR": ""},
        )
    assert (outcome.code, outcome.out) == (0, "w1 w2 w3\n")
    assert victim.read_text() == "precious\n"
    assert not elsewhere.exists()
    assert f"AAI_STREAM_{name} is not taken" in outcome.err
    assert str(path) not in outcome.err


def test_quiet_is_quiet_about_it(home: Home, victim: Path) -> None:
    (home.work / ".env").write_text(f"AAI_STREAM_OUTPUT={victim}\n")
    with counting_service() as service:
        outcome = home.run("file", "talk.wav", "--endpoint", service.url, "--quiet")
    assert (outcome.code, outcome.err) == (0, "")


def test_other_commands_say_it_too(home: Home) -> None:
    (home.work / ".env").write_text("AAI_STREAM_SAVE_DIR=/nowhere\n")
    outcome = home.run("recordings", "list")
    assert (outcome.code, outcome.out) == (0, "no recordings\n")
    assert "AAI_STREAM_SAVE_DIR is not taken" in outcome.err
    assert home.run("models").err == home.run("recordings", "list", "--help").err == ""


def test_it_reads_no_variable_of_the_process(home: Home, victim: Path) -> None:
    with counting_service() as service:
        (home.work / ".env").write_text(
            f"ASSEMBLYAI_API_KEY={KEY}\n"
            f"AAI_STREAM_ENDPOINT={service.url}?a=${{AWS_SECRET_ACCESS_KEY}}\n"
            "AAI_STREAM_KEYTERM=${AWS_SECRET_ACCESS_KEY:-x}\n"
            "AAI_STREAM_PARAM=b=${AWS_SECRET_ACCESS_KEY}\n"
        )
        outcome = home.run("file", "talk.wav", env={"AWS_SECRET_ACCESS_KEY": SECRET})
    assert outcome.code == 0, outcome.err
    (seen,) = service.sessions
    assert SECRET not in str(seen)
    assert seen.query["a"] == ["${AWS_SECRET_ACCESS_KEY}"]
    assert "b" not in seen.query


@pytest.mark.parametrize("own", ["", "AAI_STREAM_TOKEN=x", f"ASSEMBLYAI_API_KEY={KEY[::-1]}"])
@pytest.mark.first(2)
def test_it_gets_no_key_of_the_user(home: Home, own: str) -> None:
    with stranger_listens() as stranger:
        port = stranger.getsockname()[1]
        (home.work / ".env").write_text(f"AAI_STREAM_ENDPOINT=ws://127.0.0.1:{port}\n{own}\n")
        outcome = home.run("token", env=OFFLINE | {"ASSEMBLYAI_API_KEY": KEY})
        assert outcome.code == 5
        assert heard_from_nobody(stranger)
    assert "AAI_STREAM_ENDPOINT is not taken" in outcome.err


@pytest.mark.parametrize(
    ("variables", "file", "key", "token"),
    [
        ({"ASSEMBLYAI_API_KEY": KEY}, "AAI_STREAM_TOKEN=theirs-1234", KEY, None),
        ({"ASSEMBLYAI_API_KEY": KEY}, "ASSEMBLYAI_API_KEY=theirs-1234", KEY, None),
        ({"AAI_STREAM_TOKEN": TOKEN}, "ASSEMBLYAI_API_KEY=theirs-1234", None, TOKEN),
        ({"AAI_STREAM_TOKEN": TOKEN}, "AAI_STREAM_TOKEN=theirs-1234", None, TOKEN),
        ({"ASSEMBLYAI_API_KEY": ""}, "ASSEMBLYAI_API_KEY=theirs-1234", "theirs-1234", None),
        ({}, "AAI_STREAM_TOKEN=theirs-1234", None, "theirs-1234"),
    ],
)
@pytest.mark.first(3)
def test_its_credential_never_beats_the_users_own_and_the_one_used_is_said(
    home: Home,
    victim: Path,
    variables: dict[str, str],
    file: str,
    key: str | None,
    token: str | None,
) -> None:
    (home.work / ".env").write_text(file + "\n")
    with counting_service() as service:
        outcome = home.run(
            *("file", "talk.wav", "--endpoint", service.url, "--verbose"), env=variables
        )
    assert outcome.code == 0, outcome.err
    (seen,) = service.sessions
    assert seen.headers.get("authorization") == key
    assert seen.query.get("token") == (None if token is None else [token])
    where = str(home.work / ".env") if "theirs" in f"{key}{token}" else "in the environment"
    (said,) = [line for line in outcome.err.splitlines() if "credential: " in line]
    assert where in said
    assert not [secret for secret in (KEY, TOKEN, "theirs-1234") if secret in outcome.err]


def test_doctor_says_what_is_used_and_what_is_not(home: Home) -> None:
    (home.work / ".env").write_text(
        "ASSEMBLYAI_API_KEY=theirs-1234\nAAI_STREAM_OUTPUT=/x\nAAI_STREAM_MODEL=whisper-rt\n"
    )
    with counting_service() as service:
        outcome = home.run(
            *("doctor", "--json", "--endpoint", service.url), env={"ASSEMBLYAI_API_KEY": KEY}
        )
    texts = {f["area"]: f["text"] for f in reversed(json.loads(outcome.out)["findings"])}
    states = {f["text"]: f["state"] for f in json.loads(outcome.out)["findings"]}
    assert texts["key"] == "from ASSEMBLYAI_API_KEY in the environment"
    assert texts["settings"] == f"{home.work / '.env'} sets model"
    (note,) = [text for text in states if "AAI_STREAM_OUTPUT is not taken" in text]
    assert states[note] == "warning"


def test_it_chooses_the_form_of_an_error_as_before(home: Home) -> None:
    (home.work / ".env").write_text("AAI_STREAM_JSONL=1\n")
    outcome = home.run("file", "missing.wav")
    assert outcome.code == 3
    assert outcome.records[-1]["type"] == "Error"
