"""A wrong command line: what is said, and what is proposed."""

import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.counting import write_wav
from tests.program import Home, Outcome
from transcribe_cli.settings.mic_options import MicOptions

Call = Callable[..., Outcome]


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[MicOptions]:
    """The options that `mic` is called with."""
    found: list[MicOptions] = []

    def take(options: MicOptions, _: object) -> int:
        found.append(options)
        return 0

    monkeypatch.setattr("transcribe_cli.commands.mic.mic", take)
    return found


def settings(home: Home, text: str) -> Path:
    """A `config.toml` of the home."""
    path = home.path / "config" / "aai-stream" / "config.toml"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("line", "error", "hint"),
    [
        ("talk.wav --local", "'talk.wav' is no command", "aai-stream file talk.wav --local"),
        ("fiel", "'aai-stream' has no command 'fiel'", "did you mean 'aai-stream file'?"),
        ("nonsense", "no command 'nonsense'", "its commands are mic, file"),
        ("recordings delete", "'aai-stream recordings' has no command 'delete'", "recordings rm'?"),
        ("recordings ls", "no command 'ls'", "did you mean 'aai-stream recordings list'?"),
        ("file --modle x", "'aai-stream file' has no option --modle", "did you mean --model?"),
        ("file --lang es", "has no option --lang", "did you mean --language-code?"),
        ("file x.wav --device 1", "has no option --device", "an option of 'aai-stream mic'"),
        ("mic --jobs 2", "has no option --jobs", "an option of 'aai-stream file'"),
        ("mic x.wav", "'aai-stream mic' does not take 'x.wav'", "aai-stream file x.wav"),
        ("mic --model", "--model needs a value", "name one"),
        ("mic --region uk", "--region takes default, us or eu, not 'uk'", "did you mean us?"),
        ("mic --encoding opus", "--encoding takes pcm_s16le or ogg_opus, not 'opus'", "ogg_opus?"),
        ("mic --local --param encoding=aac", "Audio is not sent as 'aac' here", "use --encoding"),
        ("mic --color alway", "--color takes auto, always or never", "did you mean always?"),
        ("mic --chunk-ms 100ms", "whole number of milliseconds from 50 to 1000, not '100ms'", ""),
        ("mic --chunk-ms -5", "not '-5'", ""),
        ("mic --max-cost $2", "--max-cost takes a number of US dollars from 0, not '$2'", ""),
        ("serve --port 99999", "--port takes a whole number from 0 to 65535", ""),
        ("recordings show", "'aai-stream recordings show' needs RECORDING", "show latest"),
    ],
)
def test_what_was_probably_meant_is_proposed(call: Call, line: str, error: str, hint: str) -> None:
    outcome = call(*line.split())

    assert (outcome.code, outcome.out) == (2, "")
    first, *rest = outcome.err.splitlines()
    assert error in first
    if hint and "did you mean us" not in hint:
        assert hint in rest[0]
    assert len(rest) <= 1


@pytest.mark.parametrize("name", ["-dash.wav", "--talk.wav"])
def test_a_file_whose_name_begins_with_a_dash_is_not_an_option(
    home: Home, call: Call, name: str
) -> None:
    (home.work / name).touch()
    outcome = call("file", name)

    assert outcome.code == 2
    assert outcome.err.splitlines()[1].endswith(f"begins with a dash is ./{name}")


@pytest.mark.parametrize("option", ["--model", "--keyterm", "--device", "--save-dir", "-o"])
def test_an_empty_value_is_an_error(call: Call, option: str) -> None:
    outcome = call("mic", option, " ")

    assert outcome.code == 2
    assert "is empty" in outcome.err


def test_an_empty_variable_is_none(call: Call, seen: list[MicOptions]) -> None:
    assert call("mic", AAI_STREAM_MODEL="", AAI_STREAM_LOCAL="", AAI_STREAM_KEYTERM="").code == 0
    assert (seen[0].model, seen[0].local, seen[0].keyterm) == ("u3-rt-pro", False, None)


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("AAI_STREAM_DETECT_LANGUAGE", "ja", "--detect-language takes yes or no, not 'ja'"),
        ("AAI_STREAM_CHUNK_MS", "fast", "--chunk-ms takes a whole number"),
        ("AAI_STREAM_MAX_DURATION", "soon", "--max-duration 'soon' is no duration"),
    ],
)
def test_a_wrong_variable_is_named(call: Call, variable: str, value: str, said: str) -> None:
    outcome = call("mic", "--local", **{variable: value})

    assert outcome.code == 2
    assert said in outcome.err
    assert f"{variable} sets it" in outcome.err


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("chunk-ms = 5000", "--chunk-ms takes"),
        ("max-duration = 'soon'", "--max-duration 'soon'"),
        ("region = 'uk'", "--region takes"),
    ],
)
def test_a_wrong_line_of_the_settings_is_named(
    call: Call, home: Home, line: str, said: str
) -> None:
    path = settings(home, f"\n{line}\n")
    outcome = call("mic", "--local")

    assert outcome.code == 2
    assert said in outcome.err
    assert f"line 2 of {path} sets it" in outcome.err


def test_a_wrong_line_of_a_dotenv_is_named(call: Call, home: Home) -> None:
    (home.work / ".env").write_text("AAI_STREAM_CHUNK_MS=fast\n")
    outcome = call("mic", "--local")

    assert outcome.code == 2
    assert f"AAI_STREAM_CHUNK_MS in {home.work / '.env'} sets it" in outcome.err


@pytest.mark.parametrize("switch", ["local", "detect-language", "jsonl", "no-save", "quiet"])
def test_every_switch_of_the_settings_can_be_turned_off(
    call: Call, home: Home, seen: list[MicOptions], switch: str
) -> None:
    settings(home, f"{switch} = true\n")
    off = "--save" if switch == "no-save" else f"--no-{switch}"

    assert call("mic", AAI_STREAM_SAVE_DIR="").code == call("mic", off).code == 0
    assert [getattr(options, switch.replace("-", "_")) for options in seen] == [True, False]


def test_a_flag_wins_over_a_setting_that_excludes_it(
    call: Call, home: Home, seen: list[MicOptions]
) -> None:
    settings(home, "local = true\njsonl = true\n")

    assert call("mic", "--endpoint", "ws://127.0.0.1:1", "--text").code == 0
    assert (seen[0].local, seen[0].jsonl) == (False, False)
    assert call("mic", "--local", "--endpoint", "ws://127.0.0.1:1").code == 2


def test_recordings_are_looked_for_where_the_settings_put_them(call: Call, home: Home) -> None:
    settings(home, f"save-dir = {str(home.path / 'elsewhere')!r}\n")
    folder = home.path / "elsewhere" / "2026-06-01-093000"
    folder.mkdir(parents=True)
    outcome = call("recordings", "show", "latest", AAI_STREAM_SAVE_DIR="")

    assert str(home.path / "elsewhere") in outcome.err


@pytest.mark.parametrize(
    ("line", "code", "error", "hint"),
    [
        ("file ftp://u:p@example.org/x.mp3 --local", 3, "is no address", "https://"),
        ("token", 4, "no API key", "write it into .env"),
        ("replay missing.jsonl", 3, "There is no file 'missing.jsonl'", "name a recording"),
        ("replay script.jsonl", 3, "holds no records", "it takes what --jsonl"),
        ("file --from-list gone.txt", 2, "The list 'gone.txt' cannot be read", "one path a line"),
        ("file talk.wav --local --record gone/x.wav", 2, "the folder 'gone' is missing", "make it"),
    ],
)
def test_what_cannot_be_read_or_written_is_told_with_what_to_do(
    call: Call, home: Home, line: str, code: int, error: str, hint: str
) -> None:
    (home.work / "script.jsonl").write_text('{"type":"Turn","transcript":"hola"}\n')
    write_wav(home.work / "talk.wav", 1)
    outcome = call(*line.split())

    assert outcome.code == code
    first, second = outcome.err.splitlines()
    assert error in first
    assert hint in second
    assert "u:p" not in outcome.err
    if line == "token":
        assert "--local" not in outcome.err


def test_a_port_that_is_in_use_is_told_in_plain_words(call: Call) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        outcome = call("serve", "--engine", "counting", "--port", str(taken.getsockname()[1]))

    assert outcome.code == 2
    assert "the port is in use" in outcome.err
    assert "bind" not in outcome.err


def test_a_key_under_another_name_is_noticed(call: Call) -> None:
    outcome = call("token", ASSEMBLYAI_KEY="x", ASSEMBLY_AI_API_KEY="secret")

    assert outcome.code == 4
    assert "ASSEMBLY_AI_API_KEY is set; the name is ASSEMBLYAI_API_KEY" in outcome.err
    assert "secret" not in outcome.err
