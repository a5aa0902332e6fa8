"""The `.env` of the current folder: what is taken from it, and what is said of the rest.

It is often another program's too, and may have come with somebody else's folder. So its values are
taken as they stand, they never become variables of the process, and only what `setting_origins.py`
lets come from there is taken.
"""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from transcribe_cli.settings.environment import (
    KEY_VARIABLE,
    TOKEN_VARIABLE,
    Environment,
    credentials_in,
)
from transcribe_cli.settings.setting_origins import PREFIX, SETTINGS, Origin, setting_of

_MOST_BYTES = 1 << 20


@dataclass(frozen=True)
class Dotenv:
    """What a `.env` says.

    Attributes:
        path: where it lies.
        options: by the option's name, as they stand there.
        credentials: its key and its token, by the variable.
        notes: what it holds and may not say, by its names.
    """

    path: Path
    options: Mapping[str, str] = field(default_factory=dict)
    credentials: Mapping[str, str] = field(default_factory=dict, repr=False)
    notes: Sequence[str] = ()


def read_dotenv(folder: Path) -> tuple[dict[str, str | None], list[int]]:
    """Everything that the folder's `.env` sets, and the numbers of lines that cannot be read.

    No value is put into another one (`${NAME}` stays as it is): the file may be somebody else's,
    and variables of this process are none of its business.
    """
    path = folder / ".env"
    try:
        if not path.is_file() or path.stat().st_size > _MOST_BYTES:
            return {}, []
        # Some editors begin a file with a byte order mark.
        text = path.read_text(encoding="utf-8-sig", errors="replace")
    except OSError:
        return {}, []
    from dotenv.parser import parse_stream  # `dotenv_values` puts what it cannot read into a log

    bindings = list(parse_stream(io.StringIO(text)))
    found = {binding.key: binding.value for binding in bindings if binding.key is not None}
    return found, [binding.original.line for binding in bindings if binding.error]


def settings_in_dotenv(environment: Environment) -> Dotenv:
    """What the folder's `.env` says to this program in this environment."""
    path = environment.folder / ".env"
    own = credentials_in(environment.dotenv)
    is_alone = not credentials_in(environment.variables)
    options: dict[str, str] = {}
    refused: list[str] = []
    unknown: list[str] = []
    notes: list[str] = []
    for variable, value in environment.dotenv.items():
        row = setting_of(variable)
        if not value:  # it is not set, as in the environment
            continue
        if row is None:
            if variable.startswith(PREFIX):
                unknown.append(variable)
        elif Origin.DOTENV not in row.origins:
            refused.append(variable)
        elif row.name == "endpoint" and not (is_alone and KEY_VARIABLE in own):
            # No other key is sent to where a file of some folder points.
            condition = row.origins[Origin.DOTENV]
            notes.append(f"{path}: {variable} is not taken; it is {condition}")
        elif variable not in (KEY_VARIABLE, TOKEN_VARIABLE):
            options[row.name] = value
    if unread := environment.dotenv_unread:
        lines = f"line{'s' * (len(unread) > 1)} {', '.join(map(str, unread))}"
        notes.append(f"{path}: {lines} cannot be read; write NAME=value there")
    if refused:
        notes.append(
            f"{path}: {', '.join(refused)} {_is(refused)} not taken from there; set "
            f"{'it' if len(refused) == 1 else 'them'} in the environment"
        )
    if unknown:
        notes.append(f"{path}: {_not_known(unknown)}")
    return Dotenv(path, options, own, notes)


def notes_on_variables(variables: Mapping[str, str]) -> list[str]:
    """Variables of the environment that are meant for this program, and that it does not know."""
    unknown = [v for v in variables if v.startswith(PREFIX) and setting_of(v) is None]
    return [_not_known(sorted(unknown))] if unknown else []


def _not_known(names: Sequence[str]) -> str:
    from transcribe_cli.settings.similar_names import resembling

    known = [row.variable for row in SETTINGS.values()]
    likely = [found for name in names if (found := resembling(name, known))]
    meant = f"; did you mean {' and '.join(likely)}?" if likely else ""
    return f"{', '.join(names)} {_is(names)} not known{meant}"


def _is(names: Sequence[str]) -> str:
    return "is" if len(names) == 1 else "are"
