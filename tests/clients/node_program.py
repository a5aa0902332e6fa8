"""Runs a JavaScript program of the service's pages as it stands, with a microphone that counts.

Only the address of the service is another one.
"""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.clients.quickstart import FOLDER, SERVICE
from tests.program import LONG_DEADLINE_S

_MICROPHONE = Path(__file__).parent / "microphone.cjs"
_MICROPHONES = ("mic", "node-record-lpcm16")
_TRANSCRIBER = "streaming.transcriber({"


def run_node_program(
    program: str, url: str, folder: Path, modules: Mapping[str, Path], ca_file: str | None = None
) -> "subprocess.CompletedProcess[str]":
    """Run it in an empty folder.

    Args:
        program: the name of its file in `quickstarts`, without `.js.txt`.
        modules: where the packages of npm are that it takes.
        ca_file: what node trusts.
    """
    text = (FOLDER / f"{program}.js.txt").read_text(encoding="utf-8")
    text = text.replace(SERVICE, url.removesuffix("/v3/ws"))
    text = text.replace(_TRANSCRIBER, f'{_TRANSCRIBER} websocketBaseUrl: "{url}",')
    main = folder / ("main.mjs" if text.startswith("import") else "main.cjs")
    main.write_text(text, encoding="utf-8")
    for name, place in {**dict.fromkeys(_MICROPHONES, _MICROPHONE), **modules}.items():
        link = folder / "node_modules" / name
        link.parent.mkdir(exist_ok=True)
        if place.is_dir():
            link.symlink_to(place, target_is_directory=True)
        else:
            link.mkdir()
            (link / "index.js").write_bytes(place.read_bytes())
    return subprocess.run(
        ["node", str(main)],
        cwd=folder,
        env=os.environ | ({} if ca_file is None else {"NODE_EXTRA_CA_CERTS": ca_file}),
        capture_output=True,
        text=True,
        timeout=LONG_DEADLINE_S,
    )
