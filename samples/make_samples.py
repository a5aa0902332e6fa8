"""Makes `meeting.wav` from `meeting.txt`: two voices of flite take turns.

    python samples/make_samples.py

Each line of the text is a voice and what it says. The result is 16 kHz mono 16-bit PCM and always
the same. The words are ones that PocketSphinx's own model knows, so the local service returns them
word for word. Needs the program `flite` (Debian, Ubuntu: `apt install flite`).
"""

import subprocess
import tempfile
import wave
from pathlib import Path

HERE = Path(__file__).parent
RATE_HZ = 16000
PAUSE_S = 1.2  # between two turns; the service's longest default silence within one is shorter
LEAD_IN_S = 0.5


def read_lines(text: str) -> list[tuple[str, str]]:
    """(voice, words) of each line."""
    pairs = (line.partition(": ") for line in text.splitlines() if line.strip())
    return [(voice, words) for voice, _, words in pairs]


def speak(voice: str, words: str, folder: Path) -> bytes:
    """The samples of one spoken line."""
    path = folder / "line.wav"
    subprocess.run(["flite", "-voice", voice, "-t", words, "-o", str(path)], check=True)
    with wave.open(str(path)) as spoken:
        if spoken.getframerate() != RATE_HZ or spoken.getnchannels() != 1:
            raise SystemExit(f"the voice {voice} does not speak at {RATE_HZ} Hz in mono")
        samples: bytes = spoken.readframes(spoken.getnframes())
    return samples


def silence(seconds: float) -> bytes:
    """So much digital silence."""
    return bytes(2 * int(seconds * RATE_HZ))


def main() -> None:
    """Write `meeting.wav` beside this file."""
    lines = read_lines((HERE / "meeting.txt").read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as folder:
        spoken = [speak(voice, words, Path(folder)) for voice, words in lines]
    samples = silence(LEAD_IN_S) + b"".join(line + silence(PAUSE_S) for line in spoken)
    with wave.open(str(HERE / "meeting.wav"), "wb") as made:
        made.setnchannels(1)
        made.setsampwidth(2)
        made.setframerate(RATE_HZ)
        made.writeframes(samples)
    print(f"meeting.wav: {len(samples) / 2 / RATE_HZ:.1f} s, {len(spoken)} turns")


if __name__ == "__main__":
    main()
