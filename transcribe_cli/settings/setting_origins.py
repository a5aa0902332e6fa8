"""What may come from where: one table, by which options, `.env` and `config.toml` are read.
`settings/journal_settings.py` does what it says of journals.

A command line and its environment are the user's, and so is `config.toml`. A `.env` of the current
folder and the journal of a recording may have come with somebody else's folder: they may say what
is recognised and how it is written, but not which file is overwritten, what is recorded or who gets
the key. The service answers, and sets nothing. Pure; `docs/settings.md` holds the table.
"""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import NamedTuple

from transcribe_cli.settings.environment import (
    KEY_VARIABLE,
    TOKEN_VARIABLE,
    WEBHOOK_SECRET_VARIABLE,
)

CONFIG_VARIABLE = "AAI_STREAM_CONFIG"
SERVE_KEY_VARIABLE = "AAI_STREAM_SERVE_KEY"
PREFIX = "AAI_STREAM_"


class Origin(StrEnum):
    """Who says what a setting is, the strongest first."""

    FLAG = "flag"
    ENVIRONMENT = "environment"
    DOTENV = ".env"
    CONFIG = "config.toml"
    JOURNAL = "journal"
    SERVICE = "service"


class Setting(NamedTuple):
    """One row.

    Attributes:
        name: an option's, with underscores; the variable's where there is no such option.
        origins: where it may come from; with a condition in words where there is one.
    """

    name: str
    origins: Mapping[Origin, str]

    @property
    def variable(self) -> str:
        """The variable of the environment, and of a `.env`, that sets it."""
        return self.name if self.name.isupper() else PREFIX + self.name.upper()


_USER = {Origin.FLAG: "", Origin.ENVIRONMENT: "", Origin.CONFIG: ""}
_FOLDER = _USER | {Origin.DOTENV: ""}
_RECORDING = _FOLDER | {Origin.JOURNAL: ""}


def _rows() -> Iterator[Setting]:
    recognition = (
        "model detect_language format_turns language_code keyterm prompt speaker_labels "
        "max_speakers filter_profanity redact_pii redact_pii_policy redact_pii_sub domain "
        "voice_focus mode turns min_turn_silence max_turn_silence end_of_turn_confidence "
        "vad_threshold inactivity_timeout sample_rate encoding local"
    )
    formats_and_limits = (
        "chunk_ms jsonl text format partials non_speech color max_duration max_cost idle_stop "
        "new_sessions_per_minute"
    )
    # What is recorded, opened, written or left out, and what is said of it; and a price, since a
    # wrong one would switch `--max-cost` off.
    the_users_alone = (
        "usd_per_hour device device_fallback system with_system keyterms_file output no_clobber "
        "captions_file captions_port record save_dir no_save from_list probe jobs shard cluster "
        "dashboard again raw pace quiet verbose sample"
    )
    yield from (Setting(name, _RECORDING) for name in recognition.split())
    yield from (Setting(name, _FOLDER) for name in formats_and_limits.split())
    yield from (Setting(name, _USER) for name in the_users_alone.split())
    yield Setting("param", _USER | {Origin.JOURNAL: "parameters of recognition that are known"})
    yield Setting("engine", _USER | {Origin.JOURNAL: "a name without a model"})
    yield Setting("region", _FOLDER | {Origin.JOURNAL: "as its endpoint"})
    yield Setting(
        "endpoint",
        _USER
        | {
            Origin.DOTENV: "with a key of its own, and no credential in the environment",
            Origin.JOURNAL: "the service's own; loopback, which then gets no key",
        },
    )
    part = _USER | {Origin.JOURNAL: "of its source"}
    yield from (Setting(name, part) for name in ("start", "duration", "track", "channels"))
    yield Setting(
        "paths", {Origin.FLAG: "", Origin.JOURNAL: "a file of the size and time that it tells"}
    )
    credential = {Origin.ENVIRONMENT: "", Origin.DOTENV: "where the environment has neither"}
    yield from (Setting(name, credential) for name in (KEY_VARIABLE, TOKEN_VARIABLE))
    yield Setting(
        WEBHOOK_SECRET_VARIABLE,
        {Origin.FLAG: "a file: `--param webhook_auth_header_value=@FILE`", Origin.ENVIRONMENT: ""},
    )
    yield Setting(CONFIG_VARIABLE, {Origin.ENVIRONMENT: ""})
    yield Setting(SERVE_KEY_VARIABLE, {Origin.FLAG: "`--key` of `serve`", Origin.ENVIRONMENT: ""})


SETTINGS: Mapping[str, Setting] = {row.name: row for row in _rows()}
_BY_VARIABLE = {row.variable: row for row in SETTINGS.values()}


def may_come_from(name: str, origin: Origin) -> bool:
    """Whether an option may come from that origin, perhaps on a condition; False if unknown."""
    row = SETTINGS.get(name)
    return row is not None and origin in row.origins


def variable_of(name: str) -> str:
    """The variable that sets an option.

    Raises:
        KeyError: the table has no such row, or it cannot be set so.
    """
    row = SETTINGS[name]
    if Origin.ENVIRONMENT not in row.origins:
        raise KeyError(name)
    return row.variable


def setting_of(variable: str) -> Setting | None:
    """What a variable sets; None for one that the table does not have."""
    return _BY_VARIABLE.get(variable)


def as_markdown() -> str:
    """The table for people, options first."""
    lines = [
        f"| setting | {' | '.join(Origin)} |",
        f"| --- |{' --- |' * len(Origin)}",
    ]
    for row in SETTINGS.values():
        is_option = not row.name.isupper() and row.name != "paths"
        shown = f"`--{row.name.replace('_', '-')}`" if is_option else f"`{row.name}`"
        cells = [row.origins.get(origin, "no") or "yes" for origin in Origin]
        lines.append(f"| {' | '.join([shown, *cells])} |")
    return "".join(line + "\n" for line in lines)
