"""Moonshine on real speech, and what is no speech."""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.emulator.protocol_client import bare, meeting, meeting_lines
from tests.emulator.test_sphinx import encode_mulaw, resampled
from tests.requirements import needs_package
from transcribe_cli.emulator.actions import Send, ToClient
from transcribe_cli.emulator.engine_settings import EngineSettings
from transcribe_cli.emulator.engines.speech_engine import SpeechEngine
from transcribe_cli.errors import UsageError
from transcribe_cli.protocol.models import Family

pytestmark = needs_package("moonshine_voice")

STEP_BYTES = 3200
FIRST_LINE = meeting_lines()[0]


def engine(**settings: Any) -> SpeechEngine:
    from transcribe_cli.emulator.engines.moonshine import make_engine

    return make_engine(EngineSettings(**settings))


def hear(made: SpeechEngine, audio: bytes, more_waiting: bool = False) -> list[dict[str, Any]]:
    def sent() -> Iterator[Sequence[ToClient]]:
        for start in range(0, len(audio), STEP_BYTES):
            yield made.hear(audio[start : start + STEP_BYTES], more_waiting)
        yield made.finish()

    said = [json.loads(a.text) for actions in sent() for a in actions if isinstance(a, Send)]
    return [message for message in said if message["type"] == "Turn"]


def test_a_turn_has_capitals_punctuation_and_times_inside_the_audio() -> None:
    *partials, final = hear(engine(), meeting(0, 4700))
    assert final["transcript"] == FIRST_LINE
    assert len(partials) > 2
    words = final["words"]
    assert [word["text"] for word in words] == FIRST_LINE.split()
    assert all(a["start"] < a["end"] <= b["start"] for a, b in pairwise(words))
    # Speech is from 0.82 s to 3.62 s.
    assert 700 < words[0]["start"] < 950
    assert 3400 < words[-1]["end"] < 3800


def test_half_a_word_is_not_written_in_another_script() -> None:
    assert "\u3053" not in str(hear(engine(), meeting(0, 1000), more_waiting=True))


@pytest.mark.long
def test_telephone_audio_is_heard() -> None:
    audio = encode_mulaw(resampled(meeting(10_500, 14_800), 8000))
    *_, final = hear(engine(encoding="pcm_mulaw", sample_rate_hz=8000), audio, more_waiting=True)
    assert bare(final["transcript"]) == bare(meeting_lines()[2])


@pytest.mark.long
def test_no_time_lies_past_audio_that_ends_in_mid_word() -> None:
    audio = meeting(0, 2985)
    words = hear(engine(), audio)[-1]["words"]
    assert len(words) > 5
    assert max(word["end"] for word in words) <= 2985


@pytest.mark.long
def test_with_more_audio_waiting_there_are_fewer_partials_and_the_same_final() -> None:
    *partials, final = hear(engine(), meeting(0, 4700), more_waiting=True)
    assert 1 <= len(partials) <= 3
    assert final["transcript"] == FIRST_LINE


@pytest.mark.long
def test_a_raw_final_of_universal_streaming_has_no_capitals_or_punctuation() -> None:
    raw, formatted = [
        turn
        for turn in hear(
            engine(
                model="universal-streaming-english",
                family=Family.UNIVERSAL_STREAMING,
                format_turns=True,
            ),
            meeting(0, 4700),
            more_waiting=True,
        )
        if turn["end_of_turn"] and turn["words"]
    ]
    assert raw["transcript"] == bare(FIRST_LINE)
    assert formatted["transcript"] == FIRST_LINE


@pytest.mark.parametrize("what", ["silence", "noise", "tone"])
def test_what_is_no_speech_gives_no_words(what: str) -> None:
    count = 16000 * 3
    sound = {
        "silence": np.zeros(count),
        "noise": np.random.default_rng(1).normal(0, 1600, count),
        "tone": 9000 * np.sin(np.arange(count) * 0.2),
    }[what]
    assert hear(engine(), sound.astype("<i2").tobytes()) == []


THREADS = """
import numpy as np, psutil
from transcribe_cli.emulator.engines.moonshine import MoonshineModel, packaged_model
before = psutil.Process().num_threads()
model = MoonshineModel(packaged_model())
model.texts(np.zeros(16000, np.float32))
print(psutil.Process().num_threads() - before)
"""


def test_a_model_has_no_threads_of_its_own() -> None:
    # In a process of its own: threads of other tests come and go.
    done = subprocess.run([sys.executable, "-c", THREADS], capture_output=True, check=True)
    assert done.stdout.strip() == b"0"


def test_a_folder_whose_model_is_not_whole_is_told(tmp_path: Path) -> None:
    from transcribe_cli.emulator.engines.moonshine import make_engine

    (tmp_path / "tokenizer.bin").write_bytes(b"tokens")
    with pytest.raises(UsageError, match="holds no model that Moonshine can load"):
        make_engine(EngineSettings(), str(tmp_path))


def test_a_model_is_known_by_the_name_of_its_folder_or_by_its_size(tmp_path: Path) -> None:
    from moonshine_voice.moonshine_api import ModelArch

    from transcribe_cli.emulator.engines.moonshine import arch_of, packaged_model

    assert arch_of(packaged_model()) == ModelArch.TINY
    assert arch_of(Path("base-en")) == ModelArch.BASE
    assert arch_of(Path("small-streaming-en")) == ModelArch.SMALL_STREAMING
    assert arch_of(tmp_path) == ModelArch.TINY
    with (tmp_path / "decoder_model_merged.ort").open("wb") as file:
        file.truncate(90_000_000)
    assert arch_of(tmp_path) == ModelArch.BASE
