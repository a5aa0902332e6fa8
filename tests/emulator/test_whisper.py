"""Whisper's model "base" on real speech, where the extra "hearing" is installed."""

import json
import re
import subprocess
import wave
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.emulator.protocol_client import meeting
from tests.requirements import require_package, require_programs
from transcribe_cli.emulator.actions import Send
from transcribe_cli.emulator.engine_settings import EngineSettings
from transcribe_cli.emulator.engines.registry import choose_engine
from transcribe_cli.errors import UsageError
from transcribe_cli.protocol.models import Family

pytestmark = pytest.mark.long
STEP_BYTES = 3200
FESTIVAL_RUSSIAN = Path("/usr/share/festival/voices/russian")


def hear(model: Path, audio: bytes, more_waiting: bool = False) -> list[dict[str, Any]]:
    """The Turns of a session of `whisper-rt` that detects languages."""
    settings = EngineSettings(
        model="whisper-rt", family=Family.WHISPER, language_detection=True, format_turns=True
    )
    engine = choose_engine(f"whisper:{model}").make(settings)

    def sent() -> Iterator[Any]:
        for start in range(0, len(audio), STEP_BYTES):
            yield from engine.hear(audio[start : start + STEP_BYTES], more_waiting)
        yield from engine.finish()

    said = [json.loads(action.text) for action in sent() if isinstance(action, Send)]
    return [message for message in said if message["type"] == "Turn"]


def test_a_turn_has_its_text_times_and_language(base: Path) -> None:
    *partials, final = hear(base, meeting(0, 4700))
    said = final["transcript"]
    assert said.startswith("Good morning")
    assert said.endswith("and thank you for coming to the weekly meeting.")
    assert final["language_code"] == "en"
    assert 0.9 < final["language_confidence"] < 1
    assert partials
    words = final["words"]
    assert all(a["start"] < a["end"] <= b["start"] for a, b in pairwise(words))
    assert 700 < words[0]["start"] < 1000  # speech is from 0.8 s to 3.5 s
    assert 3300 < words[-1]["end"] < 3900
    assert {word["confidence"] for word in words} == {0.0}  # as whisper-rt sends it


SAID = {
    "en-US": "Good morning everyone, and thank you for coming to the meeting today.",
    "de-DE": "Guten Morgen zusammen, wir sprechen heute über das neue Haus an der Straße.",
    "fr-FR": "Bonjour à tous, nous parlons de la nouvelle maison au bord de la rivière.",
}
RUSSIAN = "Сегодня хорошая погода, и мы пойдём гулять в парк. Утром я поеду на работу на автобусе."
PAUSE = bytes(38_400)  # 1.2 s


def speak(voice: str) -> bytes:
    """What a synthesiser makes of `SAID` in that voice, and pauses."""
    require_package("py_nanotts")
    from py_nanotts import NanoTTS

    return PAUSE + bytes(NanoTTS().speak(SAID[voice], voice=voice)) + PAUSE


def error_rate(said: str, heard: str) -> float:
    """Words wrong, as a share of those that were said; capitals and punctuation do not count."""
    require_package("jiwer")
    import jiwer

    said, heard = [re.sub(r"[^\w ]", " ", text.lower()) for text in (said, heard)]
    return float(jiwer.wer(said, heard))


def test_french_is_detected_and_understood(base: Path) -> None:
    (final,) = [turn for turn in hear(base, speak("fr-FR"), True) if turn["end_of_turn"]]
    assert final["language_code"] == "fr"
    assert final["language_confidence"] > 0.8
    assert error_rate(SAID["fr-FR"], final["transcript"]) <= 0.25


def test_russian_is_detected_and_understood(base: Path, tmp_path: Path) -> None:
    require_programs("text2wave")
    if not FESTIVAL_RUSSIAN.is_dir():
        require_programs("festvox-ru")  # it is a voice, whose package is called so
    path = tmp_path / "russian.wav"
    voice = ("-eval", "(voice_msu_ru_nsh_clunits)", "-F", "16000")
    subprocess.run(["text2wave", *voice, "-o", str(path)], input=RUSSIAN.encode(), check=True)
    with wave.open(str(path)) as file:
        audio = file.readframes(file.getnframes())
    finals = [turn for turn in hear(base, PAUSE + audio + PAUSE, True) if turn["end_of_turn"]]
    assert {turn["language_code"] for turn in finals} == {"ru"}
    assert error_rate(RUSSIAN, " ".join(turn["transcript"] for turn in finals)) <= 0.25


def test_each_turn_has_its_own_language(base: Path) -> None:
    voices = ("en-US", "de-DE", "en-US")
    audio = b"".join(speak(voice) for voice in voices)
    finals = [turn for turn in hear(base, audio, True) if turn["end_of_turn"]]
    assert [turn["language_code"] for turn in finals] == ["en", "de", "en"]
    for voice, turn in zip(voices, finals, strict=True):
        assert error_rate(SAID[voice], turn["transcript"]) <= 0.25


def test_with_more_audio_waiting_the_final_is_the_same(base: Path) -> None:
    finals = [
        [turn for turn in hear(base, meeting(0, 4700), waiting) if turn["end_of_turn"]]
        for waiting in (False, True)
    ]
    assert finals[0] == finals[1]
    assert len(finals[0]) == 1


def test_a_folder_that_holds_no_model_is_told(tmp_path: Path) -> None:
    require_package("ctranslate2")
    with pytest.raises(UsageError, match="no model of Whisper") as caught:
        choose_engine(f"whisper:{tmp_path}").make(EngineSettings())
    assert "model.bin" in caught.value.hint
