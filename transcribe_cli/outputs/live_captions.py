"""Captions for other programs while somebody speaks: a file, a server."""

from collections.abc import Callable
from pathlib import Path

from transcribe_cli.errors import UsageError
from transcribe_cli.outputs.caption_file import CaptionFile
from transcribe_cli.outputs.output import Output

PAGE_NAME = "captions page"


def open_live_captions(
    captions_file: str | None,
    captions_port: int | None,
    say: Callable[[str], None],
    *,
    non_speech: bool = True,
) -> list[Output]:
    """Open the outputs of `--captions-file` and `--captions-port` that are given.

    Args:
        captions_port: 0 for any free port.
        say: called once with the page's address.
        non_speech: show turns that are only tags such as `[Music]`.

    Raises:
        UsageError: the file cannot be written, or the port is taken. No output is left open.
    """
    outputs: list[Output] = []
    if captions_file is not None:
        outputs.append(CaptionFile(Path(captions_file), non_speech=non_speech))
    if captions_port is not None:
        # A web server takes a while to import.
        from transcribe_cli.outputs.caption_server import CaptionServer

        try:
            page = CaptionServer(captions_port, non_speech=non_speech)
        except UsageError:
            for output in outputs:
                output.close()
            raise
        outputs.append(page)
        say(f"captions: {page.url}")
    return outputs
