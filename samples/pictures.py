"""Makes the pictures of the README from real runs: `docs/pictures/*.svg`, light and dark.

    python samples/pictures.py

The program runs in a pseudo-terminal against the scripted engine of the local service; what the
terminal shows at one moment is drawn by Rich. Needs the extra `test` (pyte), and Linux or macOS.
"""

import fcntl
import io
import json
import os
import pty
import re
import select
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

import pyte
from rich.console import Console
from rich.style import Style
from rich.terminal_theme import TerminalTheme
from rich.text import Text

from transcribe_cli.emulator.local_service import LocalService

HERE = Path(__file__).parent
PICTURES = HERE.parent / "docs" / "pictures"
COLUMNS, LINES = 84, 15
DEADLINE_S = 60

LIGHT = TerminalTheme(
    (255, 255, 255),
    (36, 41, 47),
    [
        *((36, 41, 47), (207, 34, 46), (17, 99, 41), (154, 103, 0)),
        *((9, 105, 218), (130, 80, 223), (27, 124, 131), (110, 119, 129)),
    ],
)
DARK = TerminalTheme(
    (22, 27, 34),
    (201, 209, 217),
    [
        *((72, 79, 88), (255, 123, 114), (63, 185, 80), (210, 153, 34)),
        *((88, 166, 255), (188, 140, 255), (57, 197, 207), (177, 186, 196)),
    ],
)

# Speaker, what is said, and in it the words of which the service is not sure. The last is open.
MEETING = (
    ("A", "Good morning, and thank you for coming to the weekly meeting.", ""),
    ("B", "Good morning. I have the numbers of the last month.", ""),
    ("A", "Please tell us how the new program is doing in Tromsø.", "Tromsø."),
    ("B", "Every day ten percent more people use it, and most of the problems are gone.", ""),
    ("C", "That is good news. Which of the questions matters most to our customers?", "Which"),
    ("B", "They want to read the text on the screen while they", ""),
)


class Scene(NamedTuple):
    """One picture: what is run, the moment at which it is looked at, and keys pressed before."""

    name: str
    arguments: tuple[str, ...]
    shows: str
    keys: bytes = b""
    then_shows: str = ""


def turns() -> Iterator[dict[str, Any]]:
    """The meeting as messages: a partial for each word, then the final."""
    now_ms = 600
    for order, (speaker, text, unsure) in enumerate(MEETING):
        words: list[dict[str, Any]] = []
        for word in text.split():
            end_ms = now_ms + 60 * len(word) + 60
            sure = 0.31 if word in unsure.split() else 0.98
            words.append({"start": now_ms, "end": end_ms, "text": word, "confidence": sure})
            now_ms = end_ms + 40
            yield turn(order, words, final=False)
        if order < len(MEETING) - 1:
            yield turn(order, words, final=True) | {"speaker_label": speaker}
        now_ms += 900


def turn(order: int, words: list[dict[str, Any]], *, final: bool) -> dict[str, Any]:
    """One Turn message; of a partial the last two words may change."""
    settled = len(words) if final else len(words) - 2
    return {
        "type": "Turn",
        "turn_order": order,
        "turn_is_formatted": final,
        "end_of_turn": final,
        "transcript": " ".join(word["text"] for word in words),
        "end_of_turn_confidence": 1.0 if final else 0.0,
        "words": [word | {"word_is_final": number < settled} for number, word in enumerate(words)],
        "utterance": "",
    }


class Screen(pyte.Screen):
    """A screen that keeps dim text, unknown to pyte, as blinking, which nothing here is."""

    def select_graphic_rendition(self, *attributes: int, **options: Any) -> None:
        """Take colours and attributes."""
        super().select_graphic_rendition(*[5 if a == 2 else a for a in attributes], **options)


def look(scene: Scene, environ: dict[str, str]) -> Screen:
    """Run the program in a pseudo-terminal until it shows what is wanted."""
    screen = Screen(COLUMNS, LINES)
    stream = pyte.ByteStream(screen)
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-m", "transcribe_cli", *scene.arguments],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=environ,
        start_new_session=True,
    )
    os.close(theirs)
    try:
        follow(ours, stream, lambda: scene.shows in shown(screen))
        if scene.keys:
            os.write(ours, scene.keys)
            follow(ours, stream, lambda: scene.then_shows in shown(screen))
    finally:
        process.kill()
        process.wait()
        os.close(ours)
    return screen


def follow(number: int, stream: pyte.ByteStream, done: Callable[[], bool]) -> None:
    """Take what the program writes until the screen is as wanted, after a whole drawing."""
    deadline = time.monotonic() + DEADLINE_S
    while not done():
        ready, _, _ = select.select([number], [], [], 1)
        if ready:
            stream.feed(os.read(number, 65536))
        if time.monotonic() > deadline:
            raise SystemExit("the program never showed what the picture is about")


def shown(screen: Screen) -> str:
    """All that is on the screen, its rows parted by blanks."""
    return " ".join(" ".join(screen.display).split())


def as_text(screen: Screen) -> Text:
    """The screen with its styles, without empty rows at its end."""
    rows = [row_text(screen, y) for y in range(LINES)]
    while rows and not rows[-1].plain.strip():
        rows.pop()
    return Text("\n").join(rows)


def row_text(screen: Screen, y: int) -> Text:
    """One row; the second half of a wide character holds nothing."""
    row = Text()
    cells = [screen.buffer[y][x] for x in range(COLUMNS)]
    for style, run in groupby(cells, cell_style):
        row.append("".join(cell.data for cell in run), style)
    row.rstrip()
    return row


def cell_style(cell: pyte.screens.Char) -> Style:
    """The style of one cell."""
    color = {"default": None, "brown": "yellow"}.get(cell.fg, cell.fg)
    return Style(color=color, bold=cell.bold, dim=cell.blink, underline=cell.underscore)


def draw(text: Text, theme: TerminalTheme, name: str) -> str:
    """The text as SVG: the reader's own monospaced font, and nothing is fetched."""
    console = Console(
        file=io.StringIO(),
        record=True,
        width=COLUMNS,
        color_system="truecolor",
        _environ={},
    )
    console.print(text, highlight=False, soft_wrap=True)
    svg = console.export_svg(title="aai-stream", theme=theme, unique_id=name)
    svg = re.sub(r"@font-face\s*\{.*?\}\s*", "", svg, flags=re.DOTALL)
    svg = svg.replace("Fira Code", "ui-monospace, SFMono-Regular, Menlo, Consolas")
    svg = re.sub(r"<!--.*?-->\s*", "", svg, flags=re.DOTALL)
    svg = svg.replace("rgba(255,255,255,0.35)", "rgba(128,128,128,0.5)")  # seen on white too
    if "url(http" in svg or "href=" in svg or "@import" in svg:
        raise SystemExit("the picture fetches something")
    return svg


@contextmanager
def clean_home() -> Iterator[dict[str, str]]:
    """An environment that knows no settings of the person who runs this."""
    with tempfile.TemporaryDirectory() as home:
        kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
        yield kept | {
            "HOME": home,
            "XDG_CONFIG_HOME": home,
            "XDG_DATA_HOME": home,
            "TERM": "xterm-256color",
            "LC_ALL": "C.UTF-8",
            "PYTHONPATH": os.pathsep.join([str(HERE.parent), kept.get("PYTHONPATH", "")]),
        }


def scenes(meeting_url: str, spanish_url: str, recording: str) -> Iterator[Scene]:
    """The pictures of the README."""
    file = ("file", "--sample", "--no-save", "--pace", "3", "--endpoint")
    yield Scene("live", (*file, meeting_url, "--speaker-labels"), "on the screen while they")
    whisper = ("--model", "whisper-rt", "--detect-language")
    yield Scene(
        "languages", (*file, spanish_url, *whisper), "language: French (fr) 0:13 bonjour à tous"
    )
    yield Scene("replay", ("replay", recording, "--speed", "3"), "Which of the", b"?", "these keys")


def main() -> None:
    """Write every picture, light and dark."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, clean_home() as environ:
        script = Path(folder) / "meeting.jsonl"
        script.write_text("".join(json.dumps(message) + "\n" for message in turns()))
        recording = str(Path(folder) / "talk.jsonl")
        with (
            LocalService("--script", str(script)) as meeting,
            LocalService("--script", str(HERE / "spanish.jsonl")) as spanish,
        ):
            subprocess.run(
                [
                    *(sys.executable, "-m", "transcribe_cli", "file", "--sample"),
                    *("--no-save", "--quiet", "--pace", "4", "--speaker-labels"),
                    *("--endpoint", meeting.url, "-o", recording),
                ],
                env=environ,
                stdout=subprocess.DEVNULL,
                timeout=DEADLINE_S,
                check=True,
            )
            for scene in scenes(meeting.url, spanish.url, recording):
                text = as_text(look(scene, environ))
                for mode, theme in (("light", LIGHT), ("dark", DARK)):
                    path = PICTURES / f"{scene.name}-{mode}.svg"
                    path.write_text(draw(text, theme, scene.name), encoding="utf-8")
                    print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
