"""What others may have written, mangled: nothing but the errors that are declared comes of it.

The usual run takes 2,000 inputs, `pytest -m long tests/fuzz` 100,000: its last count stands in
SECURITY.md. Memory may not grow, and each input has a time limit of its own.
"""

import contextlib
import io
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st
from msgspec.structs import asdict

from tests.fuzz.mangled import mangled
from tests.hostile.raw_service import frame
from tests.recorded_messages import NAMES, read_trace
from transcribe_cli.audio.format import AudioFormat
from transcribe_cli.audio.wav import BadWav, WavSamples, header, read_header
from transcribe_cli.errors import StreamError
from transcribe_cli.protocol.codec import (
    BadMessage,
    client_object,
    decode_server_message,
    encode_server_message,
    read_client_object,
)
from transcribe_cli.protocol.endpoint import host_and_port, normalise_endpoint
from transcribe_cli.protocol.messages import Turn
from transcribe_cli.recordings.journal import read_journal, summarize, turn_of, whole_lines
from transcribe_cli.recordings.scenes import scenes, with_final_speakers
from transcribe_cli.session.frames import MOST_BYTES, ServerFrameReader
from transcribe_cli.session.proxy import find_route
from transcribe_cli.settings.config_file import load_config, read_config
from transcribe_cli.settings.dotenv import read_dotenv, settings_in_dotenv
from transcribe_cli.settings.environment import Environment
from transcribe_cli.transcript.turns import Transcript
from transcribe_cli.ui.safe_text import safe_text

USUAL, MANY = 2_000, 100_000
AT_ONCE = 10  # of an example: finding one costs hypothesis more than most inputs do
MOST_S = 5
MOST_BYTES_OF_MEMORY = 40 << 20
MESSAGES = [message.encode() for name in NAMES for message in read_trace(name)][:200]


def take_frames(data: bytes) -> None:
    """However the bytes are cut, the frames are the same, and what is kept is bounded."""
    whole, cut = ServerFrameReader(), ServerFrameReader()
    frames = whole.feed(data)
    in_pieces = [each for at in range(0, len(data), 97) for each in cut.feed(data[at : at + 97])]
    assert (frames, whole.fault) == (in_pieces, cut.fault)
    assert len(whole._data) + len(whole._message) <= min(len(data), MOST_BYTES)


def take_message(data: bytes) -> None:
    """What is understood of it is shown, folded and written again."""
    try:
        decoded = decode_server_message(data)
    except BadMessage as e:
        assert safe_text(e.text).isprintable()
        return
    message = decoded.message
    again = decode_server_message(encode_server_message(message)).message
    assert asdict(again) == asdict(message)
    assert isinstance(decoded.raw, dict)
    if isinstance(message, Turn):
        transcript = Transcript()
        transcript.begin_session(0, 1000, expects_formatted=False)
        for update in [*transcript.receive(0, decoded, 0.0), *transcript.end_session(0)]:
            safe_text(update.message.transcript)


def take_client_message(data: bytes) -> None:
    with contextlib.suppress(BadMessage):
        read_client_object(client_object(data))


def take_wav(data: bytes) -> None:
    """The samples end, whatever the header promises."""
    stream = io.BytesIO(data)
    try:
        found = read_header(stream)
    except BadWav:
        return
    samples, size = WavSamples(stream, found), 0
    while part := samples.read(1000):
        size += len(part)
    assert size <= len(data)


def take_journal(data: bytes, folder: Path) -> None:
    path = folder / "journal.jsonl"
    path.write_bytes(data)
    whole_lines(path)
    records = read_journal(path)
    with_final_speakers(scenes(records))
    summary = summarize(records)
    if not summary.problem:
        assert summary.state
        assert isinstance(summary.next_turn, int) and isinstance(summary.finished_ms, int)
        assert summary.totals
        for record in summary.finals:
            turn_of(record)
        with contextlib.suppress(StreamError):
            assert summary.audio


def take_config(data: bytes, folder: Path) -> None:
    path = folder / "config.toml"
    path.write_bytes(data)
    with contextlib.suppress(StreamError):
        read_config(path)
        load_config(path, CONFIG_KINDS)


def take_dotenv(data: bytes, folder: Path) -> None:
    (folder / ".env").write_bytes(data)
    dotenv, _ = read_dotenv(folder)
    nothing = io.StringIO()
    settings_in_dotenv(Environment(io.BytesIO(), nothing, nothing, {}, folder, dotenv))


def take_addresses(data: bytes) -> None:
    text = data.decode("utf-8", "surrogateescape")
    endpoint, _, proxy = text.partition("\n")
    with contextlib.suppress(StreamError):
        endpoint = normalise_endpoint(endpoint)
        host_and_port(endpoint)
        find_route(endpoint, {"ALL_PROXY": proxy, "NO_PROXY": proxy[::-1]})


FRAMES = (
    frame(1, MESSAGES[0]) + frame(9, b"ping") + frame(8, b"\x03\xe8bye"),
    frame(1, b"ab", final=False) + frame(0, b"c" * 200, final=False) + frame(0, b"d"),
    frame(1, bytes(70_000)) + frame(2, b""),
)
WAVS = (
    header(AudioFormat(16000, 1), 64) + bytes(64),
    header(AudioFormat(44100, 2), 0),
)
_TURN = (
    b'"type":"Turn","session":0,"session_offset_ms":0,"turn_order":0,"turn":0,"start":0,"end":900,'
    b'"end_of_turn":true,"turn_is_formatted":true,"transcript":"a b","language_code":"en",'
    b'"words":[{"start":0,"end":400,"text":"a"},{"start":500,"end":900,"text":"b"}]'
)
JOURNALS = (
    b'{"v":1,"seq":0,"time":"2026-11-28T00:00:00.000Z","type":"Recording","id":"x","source":"mic",'
    b'"kind":"mic","audio":{"sample_rate":16000,"channels":1},"model":"u3-rt-pro","parameters":{}}'
    b'\n{"v":1,"seq":1,"time":"2026-11-28T00:00:01.000Z","type":"Begin","id":"b","session":0,'
    b'"session_offset_ms":0,"expires_at":1}\n{"v":1,"seq":2,"time":"2026-11-28T00:00:02.000Z",'
    b'"final":true,' + _TURN + b'}\n{"v":1,"seq":3,"time":"2026-11-28T00:00:03.000Z",'
    b'"type":"Termination","session":0,"session_offset_ms":0,"audio_duration_seconds":1,'
    b'"session_duration_seconds":2}\n{"v":1,"seq":4,"time":"2026-11-28T00:00:04.000Z",'
    b'"type":"Summary","audio_s":1.0,"complete":true}\n',
)
CONFIGS = (
    b'model = "whisper-rt"\ndetect-language = true\nkeyterm = ["a", "b"]\nmax-cost = 0.5\n',
    b"[table]\nwhen = 2026-11-28T00:00:00Z\nx = 0x1f\ny = '''a'''\n",
)
DOTENVS = (
    b"ASSEMBLYAI_API_KEY=abc\nexport AAI_STREAM_MODEL='x y' # note\nAAI_STREAM_ENDPOINT=${HOME}\n",
    b'A="a\\n${B}"\nB=\'b\nAAI_STREAM_KEYTERM="a\nb"\n',
)
ADDRESSES = (
    b"wss://h.example:443/v3/ws\nhttp://u:p%40@[::1]:3128/",
    b"ws://[2001:db8::1]/\nsocks5h://proxy, 10.0.0.0/8 *",
    "wss://bücher.example./v3\nHTTPS://p:99999".encode(),
)

CONFIG_KINDS = {"model": str, "detect_language": bool, "keyterm": list[str], "max_cost": float}

Take = Callable[..., None]
TAKERS: dict[str, tuple[Take, tuple[bytes, ...]]] = {
    "frames": (take_frames, FRAMES),
    "messages": (take_message, tuple(MESSAGES)),
    "client messages": (take_client_message, (b'{"type":"UpdateConfiguration","prompt":"a"}',)),
    "WAV headers": (take_wav, WAVS),
    "journals": (take_journal, JOURNALS),
    "config.toml": (take_config, CONFIGS),
    ".env": (take_dotenv, DOTENVS),
    "addresses": (take_addresses, ADDRESSES),
}


@contextlib.contextmanager
def no_hang() -> Iterator[None]:
    """An input that takes too long is an error, where the platform has a clock for that."""

    def ring(*_: object) -> None:
        raise AssertionError(f"one input took {MOST_S} s")

    if not hasattr(signal, "setitimer"):
        yield
        return
    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, MOST_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def fuzz(name: str, count: int, folder: Path) -> int:
    """So many inputs; returns how many were taken."""
    take, seeds = TAKERS[name]
    folder_of: dict[str, Any] = {"folder": folder} if "folder" in take.__annotations__ else {}
    taken = 0

    @settings(
        max_examples=count // AT_ONCE,
        deadline=None,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    @given(st.integers(0, 1 << 62))
    def each(number: int) -> None:
        nonlocal taken
        for more in range(AT_ONCE):
            data = mangled(seeds, number + more)
            with no_hang():
                try:
                    take(data, **folder_of)
                except Exception:
                    note(f"input: {data!r}")
                    raise
            taken += 1

    each()
    return taken


@pytest.mark.parametrize("name", TAKERS)
def test_mangled_input_is_taken_or_refused(name: str, tmp_path: Path) -> None:
    fuzz(name, USUAL // len(TAKERS), tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("name", TAKERS)
def test_much_mangled_input_takes_no_more_memory(
    name: str, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    fuzz(name, 200, tmp_path)
    process = psutil.Process()
    before = process.memory_info().rss
    taken = fuzz(name, MANY // len(TAKERS), tmp_path)
    kept = process.memory_info().rss - before
    record_property("inputs", taken)
    assert kept < MOST_BYTES_OF_MEMORY
