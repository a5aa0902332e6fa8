"""Fetches a local engine's model for a person who agrees, or who has asked for it."""

from collections.abc import Callable

from transcribe_cli.emulator.engines.registry import ChosenEngine, MissingModel, choose_engine
from transcribe_cli.exit_status import ExitStatus
from transcribe_cli.settings.environment import Environment, say

_BAR_CELLS = 30


def choose_or_fetch(
    environment: Environment, asked: str | None, multilingual: bool = False
) -> ChosenEngine:
    """The engine that is asked for. On a terminal a model that is not here is offered.

    Raises:
        UsageError: there is none; or its model is not here, and is not wanted, or nobody can be
            asked.
        ServiceError: the model could not be fetched.
    """
    try:
        return choose_engine(asked, multilingual)
    except MissingModel as missing:
        if not (environment.stdin.isatty() and environment.stderr.isatty()):
            raise
        fetch_model(missing, environment, lambda: _agreed(environment))
    return choose_engine(asked, multilingual)


def fetch_named_model(asked: str, environment: Environment) -> ExitStatus:
    """Fetch the model NAME:MODEL, unless it is here; whoever typed that has agreed.

    Raises:
        UsageError, ServiceError: as `choose_or_fetch`.
    """
    try:
        chosen = choose_engine(asked)
    except MissingModel as missing:
        fetch_model(missing, environment, lambda: True)
        chosen = choose_engine(asked)
    say(environment.stderr, f"{chosen.title} is on this machine: --engine {chosen.asked}\n")
    return ExitStatus.OK


def fetch_model(
    missing: MissingModel, environment: Environment, agreed: Callable[[], bool]
) -> None:
    """Say what would be fetched, how big it is and where to; fetch it if that is agreed to."""
    from transcribe_cli.emulator.engines.model_fetch import fetch, plan_fetch

    plan = plan_fetch(missing.repository)
    say(environment.stderr, f"The model {plan}\n")
    if not agreed():
        raise missing
    came = 0

    def tell(number_of_bytes: int) -> None:
        nonlocal came
        came += number_of_bytes
        if environment.stderr.isatty():
            say(environment.stderr, f"\r{progress_bar(came, plan.size_bytes)}")

    try:
        fetch(plan, tell)
    finally:
        if environment.stderr.isatty():
            say(environment.stderr, "\n")


def progress_bar(came: int, whole: int) -> str:
    """How much of something has come, in bytes.

    >>> progress_bar(30_000_000, 120_000_000)
    '[=======                       ]  25 %, 30 of 120 MB'
    """
    share = min(came / max(whole, 1), 1.0)
    bar = ("=" * int(share * _BAR_CELLS)).ljust(_BAR_CELLS)
    return f"[{bar}] {int(share * 100):3} %, {came / 1e6:.0f} of {whole / 1e6:.0f} MB"


def _agreed(environment: Environment) -> bool:
    say(environment.stderr, "Fetch it? [y/N] ")
    answer = environment.stdin.readline()
    if not answer.endswith(b"\n"):  # Ctrl+D
        say(environment.stderr, "\n")
    return answer.strip().lower() in (b"y", b"yes")
