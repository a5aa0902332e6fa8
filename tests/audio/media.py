"""Test media, made on the spot by ffmpeg."""

import subprocess
from pathlib import Path

from tests.requirements import require_programs


def ffmpeg(*arguments: str | Path) -> None:
    """Run it; skips the test where it is not installed."""
    require_programs("ffmpeg")
    subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-y", *arguments], check=True, timeout=60)


def make_tone(path: Path, *options: str, hz: int = 440, seconds: float = 1.0) -> Path:
    """A tone in a file of any format."""
    ffmpeg("-f", "lavfi", "-i", f"sine={hz}:r=44100:d={seconds},volume=4", *options, path)
    return path


def make_tracks(path: Path, *hz: int, default: int) -> Path:
    """A file with a tone for each track; one is flagged as the default."""
    sources: list[str] = []
    options: list[str] = []
    for track, frequency in enumerate(hz):
        sources += ["-f", "lavfi", "-i", f"sine={frequency}:r=16000:d=1,volume=4"]
        flag = "default" if track == default else "0"
        options += ["-map", str(track), f"-disposition:a:{track}", flag]
    ffmpeg(*sources, *options, "-c:a", "flac", path)
    return path
