"""Opens the outputs of `-o PATH`, whose suffix chooses the format, and of standard output.

The names of the formats are in `settings/option_types.py`.
"""

import re
from collections.abc import Sequence
from io import RawIOBase
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Literal, cast

from transcribe_cli.errors import UsageError
from transcribe_cli.outputs.jsonl_output import JsonlOutput
from transcribe_cli.outputs.output import (
    FileWrittenLater,
    Output,
    open_with_reader,
    usage_error_if_unwritable,
)
from transcribe_cli.outputs.plain_text import TextOutput
from transcribe_cli.settings.option_types import Format

if TYPE_CHECKING:
    from transcribe_cli.outputs.atomic_file import WrittenAtEnd

_Whole = Literal[Format.MD, Format.SRT, Format.VTT, Format.ASS, Format.LRC, Format.JSON]

STANDARD_OUTPUT = "standard output"
"""The name of what standard output gets."""

SUFFIXES = tuple(f".{kind}" for kind in Format)
VIDEOS = (".mkv", ".mp4", ".mov")
"""Copies of the source with subtitles: of one file each."""


def output_path(template: str, stem: str) -> Path:
    """The path of an output: `{stem}` stands for the source's name without suffix.

    Records may be a stranger's, and their source anything: it never names another folder.

    Raises:
        UsageError: the suffix names no format, or something else stands in braces.
    """
    unknown = next((name for name in re.findall(r"\{(\w+)\}", template) if name != "stem"), None)
    if unknown is not None:
        raise UsageError(
            f"-o '{template}': {{{unknown}}} stands for nothing.", "{stem} is the source's name"
        )
    if not stem.strip(".") or "\0" in stem:
        stem = "recording"
    path = Path(template.replace("{stem}", stem))
    if path.suffix.lower() not in (*SUFFIXES, *VIDEOS):
        raise UsageError(
            f"-o '{template}' does not end in a format.",
            f"one of {', '.join(SUFFIXES)}, or for a copy of the video {', '.join(VIDEOS)}",
        )
    return path


def is_video(template: str) -> bool:
    """Whether this output is a copy of the source with subtitles."""
    return Path(template).suffix.lower() in VIDEOS


def open_for_writing(path: Path) -> BinaryIO | RawIOBase:
    """Open a file for writing; an existing file stays as it is until the first write.

    Raises:
        UsageError: it cannot be written.
    """
    with usage_error_if_unwritable(path):
        return open_with_reader(path) if is_fifo_or_device(path) else FileWrittenLater(path)


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


def open_stdout(
    stream: BinaryIO, kind: Format, *, partials: bool, non_speech: bool, headings: bool = False
) -> Output:
    """An output of one of the formats on standard output, which it does not close.

    Documents and captions are written when the output is closed, since nothing can be replaced.
    """
    if kind is Format.JSONL:
        return JsonlOutput(stream, STANDARD_OUTPUT, partials=partials, owned=False)
    if kind is Format.TXT:
        return TextOutput(
            stream, STANDARD_OUTPUT, non_speech=non_speech, headings=headings, owned=False
        )
    from transcribe_cli.outputs.atomic_file import WrittenAtEnd

    at_end = WrittenAtEnd(stream, STANDARD_OUTPUT, owned=False)
    return _open_whole(at_end, kind, non_speech=non_speech, several=headings)


def _open_output(path: Path, *, partials: bool, non_speech: bool, several: bool) -> Output:
    if is_video(str(path)):
        from transcribe_cli.outputs.subtitled_video import SubtitledVideoOutput

        return SubtitledVideoOutput(path, non_speech=non_speech)
    name, kind = str(path), Format(path.suffix[1:].lower())
    if kind is Format.JSONL:
        return JsonlOutput(open_for_writing(path), name, partials=partials)
    if kind is Format.TXT:
        return TextOutput(open_for_writing(path), name, non_speech=non_speech, headings=several)
    return _open_whole(path, kind, non_speech=non_speech, several=several)


def _open_whole(
    file: "Path | WrittenAtEnd", kind: _Whole, *, non_speech: bool, several: bool
) -> Output:
    """A document, or captions."""
    from transcribe_cli.outputs.document import DocumentOutput

    match kind:
        case Format.SRT | Format.VTT | Format.ASS | Format.LRC:
            from transcribe_cli.outputs.caption_formats import Kind
            from transcribe_cli.outputs.captions import CaptionsOutput

            return CaptionsOutput(file, cast(Kind, kind.value), non_speech=non_speech)
        case Format.MD:
            from transcribe_cli.outputs.markdown import MarkdownEncoder

            return DocumentOutput(file, MarkdownEncoder(non_speech=non_speech))
        case Format.JSON:
            from transcribe_cli.outputs.json_document import JsonEncoder

            return DocumentOutput(file, JsonEncoder(non_speech=non_speech, several=several))
