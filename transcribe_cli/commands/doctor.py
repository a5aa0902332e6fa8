"""`aai-stream doctor`: look at everything a run needs, and say how to mend what fails."""

import contextlib
import json
from collections.abc import Callable, Generator, Iterator
from typing import TYPE_CHECKING, Annotated

from msgspec import Struct

from transcribe_cli.exit_status import ExitStatus
from transcribe_cli.protocol.endpoint import is_loopback, resolve_endpoint
from transcribe_cli.settings.config_file import option_kinds
from transcribe_cli.settings.credentials import Credentials
from transcribe_cli.settings.environment import Environment, say
from transcribe_cli.settings.option_types import EndpointOption, Option, Region

if TYPE_CHECKING:
    from transcribe_cli.doctor.findings import Finding

_LIMIT_S = 13.0  # of the 15 s that a patient has, for what may hang
_LOCAL_START_S = 8.0


class DoctorOptions(Struct, frozen=True, kw_only=True):
    """Options of `doctor`."""

    as_json: Annotated[bool, Option("As JSON.", ("--json",))] = False
    region: Annotated[Region, Option("Of the service.", variable="region")] = Region.DEFAULT
    endpoint: EndpointOption = None
    local: Annotated[
        bool, Option("Look at the embedded service.", ("--local",), variable="local")
    ] = False
    device: Annotated[
        str | None,
        Option("Microphone, by number, name or part of it.", metavar="NAME", variable="device"),
    ] = None
    save_dir: Annotated[
        str | None, Option("Where recordings go.", metavar="DIR", variable="save_dir")
    ] = None
    verbose: Annotated[
        bool, Option("Tracebacks for faults of this program.", ("--verbose", "-v"))
    ] = False


def doctor(options: DoctorOptions, environment: Environment) -> ExitStatus:
    """Write each finding as it is made; the first that failed decides the exit code."""
    from transcribe_cli.doctor.findings import exit_status_of, summary_of, to_json

    endpoint = "" if options.local else resolve_endpoint(options.region.value, options.endpoint)
    found: list[Finding] = []
    show = _silent if options.as_json else _painter(environment)
    with contextlib.closing(_findings(options, environment, endpoint)) as findings:
        for finding in findings:
            if options.verbose and finding.traceback:
                say(environment.stderr, finding.traceback)
            show(finding, found[-1] if found else None)
            found.append(finding)
    if options.as_json:
        environment.write(json.dumps(to_json(found), ensure_ascii=False, indent=2) + "\n")
    else:
        environment.write(f"\n{summary_of(found)}\n")
    return exit_status_of(found)


def _findings(
    options: DoctorOptions, environment: Environment, endpoint: str
) -> Generator["Finding", None, None]:
    """All checks in the order in which they are shown; what may hang begins first."""
    from transcribe_cli.doctor.background_check import BackgroundCheck
    from transcribe_cli.doctor.machine import (
        check_disk,
        check_parts,
        check_program,
        check_terminal,
        inspect_terminal,
    )
    from transcribe_cli.doctor.sound import SoundCheck

    with contextlib.closing(SoundCheck(options.device)) as sound_check:
        service = BackgroundCheck(
            "network",
            _check_service(environment, endpoint),
            hint="check that this machine is online",
            exit_status=ExitStatus.SERVICE,
            limit_s=_LIMIT_S,
        )
        sound = BackgroundCheck(
            "audio",
            sound_check.findings(),
            hint="the sound system hangs: unplug what was plugged in last, or restart it",
            exit_status=ExitStatus.AUDIO,
            limit_s=_LIMIT_S,
        )
        disk = BackgroundCheck(
            "disk",
            check_disk(options.save_dir),
            hint="the disk hangs: choose another --save-dir",
            exit_status=ExitStatus.USAGE,
            limit_s=_LIMIT_S,
        )
        yield from check_program(environment, option_kinds())
        yield from service.findings()
        yield from sound.findings()
        yield from disk.findings()
        yield from check_terminal(inspect_terminal(environment))
        yield from check_parts()


def _check_service(environment: Environment, endpoint: str) -> Iterator["Finding"]:
    """The key, the way to the service and a session; `endpoint` is empty for the local one."""
    from transcribe_cli.doctor.account import check_key, check_session
    from transcribe_cli.doctor.findings import ok
    from transcribe_cli.doctor.network import check_connection_path

    if not endpoint:
        from transcribe_cli.emulator.local_service import LocalService

        yield ok("key", "the local service needs none")
        with LocalService(start_within_s=_LOCAL_START_S) as service:
            yield ok("network", "the local service starts; it needs no network")
            yield check_session(service.url, Credentials(), local=True)
        return
    finding, credentials = check_key(environment, endpoint)
    yield finding
    yield from check_connection_path(endpoint, environment.variables)
    if credentials is not None:
        yield check_session(endpoint, credentials, local=is_loopback(endpoint))


_STYLES = {"ok": "green", "warning": "bold yellow", "failed": "bold red"}


def _painter(environment: Environment) -> "Callable[[Finding, Finding | None], None]":
    """Writes findings as lines, with colour on a terminal."""
    from transcribe_cli.doctor.findings import lines_of
    from transcribe_cli.settings.option_types import Color
    from transcribe_cli.ui.notices import make_consoles
    from transcribe_cli.ui.styled_line import styled_line

    console, _ = make_consoles(Color.AUTO, environment.variables)
    width = console.width if console.is_terminal else None

    def show(finding: "Finding", before: "Finding | None") -> None:
        first, *rest = lines_of(finding, before, width)
        painted = styled_line(first, len(finding.state), _STYLES[finding.state], console)
        environment.write(painted + "".join(styled_line(line, 0, "", console) for line in rest))

    return show


def _silent(finding: "Finding", before: "Finding | None") -> None:
    """With `--json` all is written at the end."""
