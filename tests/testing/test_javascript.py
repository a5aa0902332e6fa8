"""The page's example in JavaScript, run by node as it stands."""

import json
import subprocess
import sys
from pathlib import Path

from tests.program import DEADLINE_S, ROOT, Home
from tests.requirements import require_programs

EXAMPLE = ROOT / "docs" / "local-service-example.mjs"


def test_the_example_starts_steers_and_stops_a_service(tmp_path: Path) -> None:
    require_programs("node")
    ran = subprocess.run(
        ["node", str(EXAMPLE), sys.executable, "-m", "transcribe_cli"],
        cwd=tmp_path,
        env=Home(tmp_path / "home").environment(),
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
    )
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout) == {
        "health": {"status": "ok"},
        "state": {
            "open_sessions": 0,
            "next_connection": 0,
            "faults": ["drop@word=40"],
            "token_requests": 0,
            "token_faults": [],
        },
        "sessions": [],
    }
