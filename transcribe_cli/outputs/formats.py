"""Opens the outputs of `-o PATH`: the suffix chooses the format."""

from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, Literal

from transcribe_cli.errors import UsageError
from transcribe_cli.outputs.jsonl import JsonlOutput
from transcribe_cli.outputs.output import Output, usage_error_if_unwritable
from transcribe_cli.outputs.plain_text import TextOutput

SUFFIXES = (".txt", ".md", ".srt", ".vtt", ".jsonl", ".json")


def output_path(template: str, stem: str) -> Path:
    """The path of an output: `{stem}` stands for the source's name without suffix.

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
    """Open a file for writing; an existing file is truncated.

    Raises:
        UsageError: it cannot be written.
    """
    with usage_error_if_unwritable(path):
        return path.open("wb")


def is_fifo_or_device(path: Path) -> bool:
    """Whether the path is a FIFO or a device, whose reader may stop reading."""
    return path.exists() and not path.is_file()


def open_outputs(
    templates: Sequence[str], stem: str, *, partials: bool, non_speech: bool, headings: bool = False
) -> list[Output]:
    """Open the outputs of one recording, or with `headings` those that several share.

    Raises:
        UsageError: one of them cannot be opened. No output is left open.
    """
    paths = [output_path(template, stem) for template in templates]
    outputs: list[Output] = []
    try:
        for path in paths:
            output = _open_output(path, partials=partials, non_speech=non_speech, several=headings)
            outputs.append(output)
    except UsageError:
        for opened in outputs:
            opened.close()
        raise
    return outputs


def _open_output(path: Path, *, partials: bool, non_speech: bool, several: bool) -> Output:
    match path.suffix.lower():
        case ".jsonl":
            return JsonlOutput(open_for_writing(path), str(path), partials=partials)
        case ".md" | ".json":
            return _open_document(path, non_speech=non_speech, several=several)
        case ".srt":
            return _open_captions(path, "srt", non_speech=non_speech)
        case ".vtt":
            return _open_captions(path, "vtt", non_speech=non_speech)
        case _:
            return TextOutput(
                open_for_writing(path), str(path), non_speech=non_speech, headings=several
            )


def _open_document(path: Path, *, non_speech: bool, several: bool) -> Output:
    from transcribe_cli.outputs.document import DocumentOutput

    if path.suffix.lower() == ".md":
        from transcribe_cli.outputs.markdown import MarkdownEncoder

        return DocumentOutput(path, MarkdownEncoder(non_speech=non_speech))
    from transcribe_cli.outputs.json_document import JsonEncoder

    return DocumentOutput(path, JsonEncoder(non_speech=non_speech, several=several))


def _open_captions(path: Path, kind: Literal["srt", "vtt"], *, non_speech: bool) -> Output:
    from transcribe_cli.outputs.srt_vtt import CaptionsOutput

    return CaptionsOutput(path, kind, non_speech=non_speech)
