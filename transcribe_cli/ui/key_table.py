"""The one table of keys: which there are, and what people are told of each. Pure.

`run/controls.py` does what they stand for, with many files `jobs/batch_controls.py`.
"""

from collections.abc import Mapping
from typing import Literal, NamedTuple, Protocol

Mode = Literal["run", "replay", "batch"]
"""What is on the screen: one recording, one that is shown again, many files at once."""

KeyAction = Literal[
    "pause",
    "mute",
    "bookmark",
    "end turn",
    "key terms",
    "languages",
    "unsure words",
    "help",
    "stop",
]


class KeyBinding(NamedTuple):
    """One key.

    Attributes:
        key: its name, as `key_reader.keys_of` gives it.
        action: what the program does when it is pressed.
        help: what the panel of keys and the README say about it.
        modes: where it works.
        also: another key that does the same; the panel does not show it.
    """

    key: str
    action: KeyAction
    help: str
    modes: tuple[Mode, ...]
    also: str | None = None


KEY_TABLE = (
    KeyBinding("space", "pause", "pause, go on", ("run", "replay")),
    KeyBinding("m", "mute", "mute", ("run",)),
    KeyBinding("b", "bookmark", "bookmark", ("run",)),
    KeyBinding("e", "end turn", "end the turn", ("run",), also="enter"),
    KeyBinding("k", "key terms", "key terms", ("run",)),
    KeyBinding("l", "languages", "languages", ("run", "replay")),
    KeyBinding("w", "unsure words", "unsure words", ("run", "replay")),
    KeyBinding("q", "stop", "stop all files", ("batch",)),
    KeyBinding("?", "help", "these keys", ("run", "replay", "batch")),
    KeyBinding("k", "key terms", "key terms", ("batch",)),
    KeyBinding("e", "end turn", "end the turns", ("batch",)),
    KeyBinding("q", "stop", "stop", ("run", "replay")),
)
"""The most useful keys first: in a small window the panel leaves out the last ones."""


def keys_in(mode: Mode) -> tuple[KeyBinding, ...]:
    """The keys that work there, in the order of the panel."""
    return tuple(binding for binding in KEY_TABLE if mode in binding.modes)


def key_of(action: KeyAction, mode: Mode) -> str:
    """The key that does something there."""
    return next(binding.key for binding in keys_in(mode) if binding.action == action)


def announced(mode: Mode, *, has_keys: bool) -> tuple[str, ...]:
    """What says that keys exist and how to stop, the longest form first.

    >>> announced("run", has_keys=True)
    ('? shows the keys, q stops', '? keys  q stop', '? keys')
    """
    if not has_keys:
        return ("Ctrl+C stops",)
    bindings = {binding.action: binding for binding in keys_in(mode)}
    shown, stop = bindings["help"].key, bindings["stop"]
    first, _, rest = stop.help.partition(" ")
    return (
        f"{shown} shows the keys, {stop.key} {first}s {rest}".rstrip(),
        f"{shown} keys  {stop.key} {stop.help}",
        f"{shown} keys",
    )


def action_of(key: str, mode: Mode) -> KeyAction | None:
    """What a key does there; None for a key that does nothing.

    >>> action_of("space", "run"), action_of("space", "batch")
    ('pause', None)
    """
    bindings = keys_in(mode)
    return next((each.action for each in bindings if key in (each.key, each.also)), None)


class Panels(Protocol):
    """What keys switch on and off in a view."""

    def toggle_help(self) -> None: ...
    def toggle_languages(self, shares: Mapping[str, int]) -> None: ...
    def toggle_confidences(self) -> None: ...


def toggle(view: Panels, action: KeyAction | None, language_ms: Mapping[str, int]) -> None:
    """Switch what the action is about on or off; other actions change nothing in the view.

    `language_ms`: how long each language was spoken, by code.
    """
    match action:
        case "help":
            view.toggle_help()
        case "languages":
            view.toggle_languages(language_ms)
        case "unsure words":
            view.toggle_confidences()
