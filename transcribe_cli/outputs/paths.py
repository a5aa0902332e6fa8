"""From `-o PATH` to an output: the suffix chooses the format."""

from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from transcribe_cli.errors import UsageError
from transcribe_cli.outputs.jsonl import JsonlOutput
from transcribe_cli.outputs.output import Output
from transcribe_cli.outputs.text import TextOutput

SUFFIXES = (".txt", ".jsonl")


def output_path(template: str, stem: str) -> Path:
    """Where an output goes: `{stem}` is the source's name without suffix.

    Raises:
        UsageError: the suffix names no format.
    """
    path = Path(template.replace("{stem}", stem))
    if path.suffix.lower() not in SUFFIXES:
        raise UsageError(
            f"-o '{template}' does not end in a format.", f"one of {', '.join(SUFFIXES)}"
        )
    return path


def open_for_writing(path: Path) -> BinaryIO:
    """A file in place of whatever was there.

    Raises:
        UsageError: it cannot be written; found before a word is spoken.
    """
    try:
        return path.open("wb")
    except OSError as e:
        raise UsageError(
            f"'{path}' cannot be written: {e.strerror or e}.", "choose another path"
        ) from e


def open_outputs(
    templates: Sequence[str], stem: str, *, partials: bool, non_speech: bool, headings: bool = False
) -> list[Output]:
    """The outputs of one recording.

    Raises:
        UsageError: one of them cannot be opened; none is left open then.
    """
    paths = [output_path(template, stem) for template in templates]
    outputs: list[Output] = []
    try:
        for path in paths:
            stream = open_for_writing(path)
            if path.suffix.lower() == ".jsonl":
                outputs.append(JsonlOutput(stream, str(path), partials=partials))
            else:
                outputs.append(
                    TextOutput(stream, str(path), non_speech=non_speech, headings=headings)
                )
    except UsageError:
        for output in outputs:
            output.close()
        raise
    return outputs
