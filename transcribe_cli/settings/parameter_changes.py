"""What may change while a session is open, and whether a change is right. Pure.

Source: pages "Streaming API" reference and "Update configuration": what is set takes the place of
what was there, for the audio that follows; an empty list or text clears it; nothing answers.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from transcribe_cli.errors import UsageError
from transcribe_cli.protocol.messages import UpdateConfiguration
from transcribe_cli.protocol.models import Model
from transcribe_cli.protocol.parameters import (
    PARAMETERS,
    BadParameter,
    decode_query,
    encode_query,
)
from transcribe_cli.redaction import redact
from transcribe_cli.settings.similar_names import resembling

CHANGEABLE = frozenset(UpdateConfiguration.__struct_fields__)
"""The parameters that UpdateConfiguration takes."""

KEYTERMS = "keyterms_prompt"
MOST_OF_A_KEYTERM = 50
"""Characters; page "Key terms": longer ones are ignored."""

MOST_KEYTERMS = int(PARAMETERS[KEYTERMS].high or 0)


def checked_changes(changes: Mapping[str, Any], model: Model | None) -> dict[str, Any]:
    """The changes, their values as the service reads them.

    Args:
        model: None for one that is not known here, which may take anything.

    Raises:
        UsageError: the service or the model does not take one of them.
    """
    for name in changes:
        if name not in CHANGEABLE:
            raise UsageError(
                f"'{name}' cannot change while a session is open.", "say it before the next run"
            )
        if model is not None and name not in model.takes:
            raise UsageError(f"{model.name} does not take '{name}'.", "see 'aai-stream models'")
    if len(changes.get(KEYTERMS, ())) > MOST_KEYTERMS:
        raise UsageError(
            f"These are {len(changes[KEYTERMS])} key terms; the service takes {MOST_KEYTERMS}.",
            "leave some out",
        )
    query = encode_query(changes)
    if redact(query) != query:
        raise UsageError(
            "That holds the key, which would be kept with the recording.", "leave the key out"
        )
    try:
        return decode_query(query)
    except BadParameter as e:
        raise UsageError(
            f"The service does not take that {e.name}: {e.reason}.", "see 'aai-stream models'"
        ) from e


def keyterms_of(query: Mapping[str, Any]) -> list[str]:
    """The key terms among connection parameters; none where they are malformed."""
    given = query.get(KEYTERMS, [])
    if isinstance(given, str):  # of --param, as it was typed
        try:
            given = msgspec.json.decode(given, type=list[str])
        except msgspec.DecodeError:
            return []
    return list(given)


def without_doubles(terms: Iterable[str]) -> list[str]:
    """The terms in their order, each once."""
    return list(dict.fromkeys(terms))


def typed_change(line: str, query: Mapping[str, Any]) -> dict[str, Any]:
    """What a typed line changes: key terms to add, or `NAME=VALUE`; nothing where it is empty.

    Commas separate several key terms, and the items of a list.

    >>> typed_change("Sonny Miller, RNase", {"keyterms_prompt": ["LeMUR"]})
    {'keyterms_prompt': ['LeMUR', 'Sonny Miller', 'RNase']}
    >>> typed_change("max_turn_silence = 900", {}), typed_change("language-codes=en,de", {})
    ({'max_turn_silence': '900'}, {'language_codes': ['en', 'de']})

    Raises:
        UsageError: it looks like a setting, and there is none of that name.
    """
    typed, equals, value = (part.strip() for part in line.partition("="))
    name = typed.lower().replace("-", "_")
    if equals and name in PARAMETERS:
        return {name: _items(value) if PARAMETERS[name].kind is list else value}
    if equals and (likely := resembling(name, CHANGEABLE)) is not None:
        raise UsageError(f"There is no setting '{typed}'.", f"did you mean {likely}?")
    added = _items(line)
    return {KEYTERMS: without_doubles([*keyterms_of(query), *added])} if added else {}


def _items(text: str) -> list[str]:
    return [item for item in map(str.strip, text.split(",")) if item]


def note_on_long(term: str) -> str | None:
    """What is said of a key term that is longer than the service reads; None of any other.

    >>> note_on_long("Sonny Miller")
    """
    if len(term) <= MOST_OF_A_KEYTERM:
        return None
    return (
        f"'{term[:20]}...' is not listened for: {len(term)} characters, and "
        f"{MOST_OF_A_KEYTERM} are read"
    )


def changes_in_words(changes: Mapping[str, Any]) -> str:
    """What has changed, for people.

    >>> changes_in_words({"keyterms_prompt": ["RNase", "LeMUR"], "max_turn_silence": 900})
    'key terms: RNase, LeMUR; max_turn_silence: 900'
    """
    shown = []
    for name, value in changes.items():
        words = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
        shown.append(f"{'key terms' if name == KEYTERMS else name}: {words or 'none'}")
    return "; ".join(shown)
