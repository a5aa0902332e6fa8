"""The official JavaScript SDK over wss against a local service; `.ci/clients` runs it.

`python -m tests.clients.javascript FOLDER`: a folder of npm that has the package `assemblyai`.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.clients.node_program import run_node_program
from transcribe_cli.testing.service import AssemblyAIService

_OFFICIAL = Path(__file__).parent / "official_sdk.mjs"
_EXPECTED = ["w1 w2 w3 w4 w5", "w6 w7 w8 w9 w10", "w11 w12"]


def main() -> int:
    """Run two programs with node; 0 where both heard everything."""
    folder = Path(sys.argv[1])
    package = folder / "node_modules" / "assemblyai"
    version = json.loads((package / "package.json").read_text(encoding="utf-8"))["version"]
    shutil.copy(_OFFICIAL, folder)
    with AssemblyAIService("--tls") as service, TemporaryDirectory() as empty:
        assert service.ca_file is not None
        ran = subprocess.run(
            ["node", str(folder / _OFFICIAL.name), service.url],
            env=os.environ | {"NODE_EXTRA_CA_CERTS": service.ca_file},
            stdout=subprocess.PIPE,
            check=True,
            timeout=60,
        )
        finals = json.loads(ran.stdout)
        sys.stdout.write(f"assemblyai {version} (npm): {finals}\n")
        page = run_node_program(
            "long_sdk", service.url, Path(empty), {"assemblyai": package}, service.ca_file
        )
        sys.stdout.write(f"the same in a program of the pages:\n{page.stdout}{page.stderr}")
    heard = all(f"Turn: {turn}" in page.stdout for turn in _EXPECTED[:2])
    return 0 if finals == _EXPECTED and heard else 1


if __name__ == "__main__":
    sys.exit(main())
