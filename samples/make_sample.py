"""Makes `transcribe_cli/sample/meeting.wav`, which `file --sample` plays, from `meeting.txt`.

    pip install hibari-tts && python samples/make_sample.py

Each line of the text becomes a turn. The voice is `heart` of hibari 0.2.1 (Apache-2.0, by Maureese
Williams; learnt from the voice `af_heart` of Kokoro-82M by hexgrad, Apache-2.0): its wheel carries
the model. The result is 16 kHz mono 16-bit PCM and always the same. The engines of the local
service hear it word for word.
"""

import wave
from pathlib import Path

import numpy as np
import soxr
from hibari import Hibari

HERE = Path(__file__).parent
MADE = HERE.parent / "transcribe_cli" / "sample" / "meeting.wav"
RATE_HZ = 16000
PAUSE_S = 1.0  # between two turns
LEAD_IN_S = 0.5
PEAK = 0.5  # of full scale


def main() -> None:
    """Write the sample."""
    lines = (HERE / "meeting.txt").read_text(encoding="utf-8").splitlines()
    voice = Hibari()
    parts = [silence(LEAD_IN_S)]
    for number, line in enumerate(lines):
        spoken = soxr.resample(voice(line, seed=number), voice.sample_rate, RATE_HZ)
        parts += [PEAK * spoken / np.abs(spoken).max(), silence(PAUSE_S)]
    samples = (np.concatenate(parts) * 32767).astype("<i2")
    with wave.open(str(MADE), "wb") as made:
        made.setnchannels(1)
        made.setsampwidth(2)
        made.setframerate(RATE_HZ)
        made.writeframes(samples.tobytes())
    print(f"{MADE.name}: {len(samples) / RATE_HZ:.1f} s, {len(lines)} turns")


def silence(seconds: float) -> "np.ndarray":
    """So much digital silence."""
    return np.zeros(int(seconds * RATE_HZ), np.float32)


if __name__ == "__main__":
    main()
