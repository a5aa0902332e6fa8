"""The Containerfile: its command is one that `serve` takes. `.ci/clients` lints it."""

import json
import re
import tomllib
from collections.abc import Callable

from tests.program import ROOT, Outcome

TEXT = (ROOT / "Containerfile").read_text(encoding="utf-8")


def command(instruction: str) -> list[str]:
    """The words of an instruction that is written as JSON; the last one counts."""
    words: list[str] = json.loads(
        re.findall(rf"^{instruction} (\[.*\])$", TEXT, re.MULTILINE)[-1],
    )
    return words


def test_its_command_serves_other_machines_and_so_wants_a_key(
    call: Callable[..., Outcome],
) -> None:
    program, *arguments = command("ENTRYPOINT") + command("CMD")
    refused = call(*arguments)
    assert (program, refused.code) == ("aai-stream", 2)
    assert "needs a key" in refused.err and "AAI_STREAM_SERVE_KEY" in TEXT


def test_it_installs_what_a_service_without_recognisers_needs() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    assert "'.[tls]'" in TEXT and "tls" in extras
    assert extras["serve"] == []
