"""What `--probe` finds in a few seconds."""

from pathlib import Path

import numpy as np
import pytest

from tests.audio.tones import tone, write
from transcribe_cli.audio.convert import Converter
from transcribe_cli.audio.probe import RATE_HZ, advice, find_out

RNG = np.random.default_rng(1)
NOISE = RNG.uniform(-0.3, 0.3, 3 * RATE_HZ)
COMES_AND_GOES = NOISE * (np.arange(len(NOISE)) // (RATE_HZ // 4) % 2)


def pcm(values: "np.ndarray[tuple[int, ...], np.dtype[np.float64]]") -> bytes:
    return np.clip(np.rint(values * 32767), -32768, 32767).astype("<i2").tobytes()


def test_sound_that_comes_and_goes_is_told_from_a_steady_one_and_from_silence() -> None:
    speech, steady = find_out(pcm(COMES_AND_GOES)), find_out(pcm(NOISE))

    assert (speech.has_speech, steady.has_speech) == (True, False)
    assert speech.speech == pytest.approx(0.5, abs=0.1)
    assert "steady sound" in str(steady)
    assert str(find_out(bytes(6 * RATE_HZ))) == "silent"
    assert find_out(b"").is_silent


def test_clipping_is_told_and_its_share() -> None:
    loud = find_out(pcm(NOISE * 20))

    assert loud.clipped > 0.5
    assert "clipped" in str(loud)
    assert "clipped" not in str(find_out(pcm(NOISE)))


def test_telephone_sound_is_told_in_a_file_of_any_rate() -> None:
    telephone = RNG.uniform(-0.3, 0.3, 3 * 8000)
    widened = Converter(8000, RATE_HZ)
    samples = widened.convert(telephone.astype("float32")) + widened.flush()

    assert find_out(samples).is_narrow
    assert not find_out(pcm(NOISE)).is_narrow


def test_advice_names_the_side_that_speaks_and_channels_that_cancel() -> None:
    speech, silent = find_out(pcm(COMES_AND_GOES)), find_out(bytes(6 * RATE_HZ))

    assert advice([silent, speech], speech) == "only one side has speech: --channels right"
    cancelled = advice([speech, speech], silent)
    assert cancelled is not None
    assert "cancel" in cancelled
    assert advice([speech, speech], speech) is advice([speech], speech) is None


def test_probe_shows_each_channel_and_opens_no_session(
    tmp_path: Path, call: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = np.column_stack([np.zeros(len(COMES_AND_GOES)), COMES_AND_GOES])
    path = write(tmp_path / "call.wav", both, RATE_HZ)
    write(tmp_path / "tone.wav", tone(8000, 1.0), 8000)
    assert callable(call)

    outcome = call("file", str(path), str(tmp_path / "tone.wav"), "--probe", "--start", "0.5")

    lines = outcome.out.splitlines()
    assert (outcome.code, lines[0]) == (0, f"{path}: 2.5 s")
    assert lines[1] == "  left: silent"
    assert lines[2].startswith("  right: speech ")
    assert lines[3] == "  only one side has speech: --channels right"
    assert lines[5].startswith("  steady sound")
    assert lines[5].endswith("as on a telephone")
