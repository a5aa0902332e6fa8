"""Which settings a resumed recording takes from its journal. Pure.

The folder may have come from somebody else. So the journal's endpoint gets the user's key only if
it is the service's own, and only parameters count that say how to recognise. The user has to ask
again for one that sends the transcript elsewhere, or that is not known here.
"""

import shlex
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from transcribe_cli.errors import UsageError
from transcribe_cli.protocol.endpoint import REGIONS, is_loopback, without_credentials
from transcribe_cli.protocol.models import find_model
from transcribe_cli.protocol.parameters import RECOGNITION_PARAMETERS
from transcribe_cli.settings.parameter_notes import notes_on
from transcribe_cli.settings.session_parameters import (
    OPTIONS,
    Parameters,
    note_on_unknown,
    parse_params,
)


class EndpointToResume(NamedTuple):
    """Where a recording's sessions were opened.

    Attributes:
        endpoint: None: the service's usual one.
        gets_key: it is the service's own.
    """

    endpoint: str | None
    gets_key: bool


def endpoint_to_resume(start: Mapping[str, Any]) -> EndpointToResume:
    """Where to go on with a recording, by its `Recording` record alone.

    A loopback endpoint gets no key: it may be a door that a stranger has opened on this machine.

    Raises:
        UsageError: only the user can say that the key may go there.
    """
    endpoint = start.get("endpoint")
    if not endpoint or endpoint in REGIONS.values():
        return EndpointToResume(endpoint or None, gets_key=True)
    if isinstance(endpoint, str) and _is_plain_loopback(endpoint):
        return EndpointToResume(endpoint, gets_key=False)
    raise UsageError(
        f"The recording's journal names a service of its own, '{_shown(endpoint)}'.",
        "if the key may go there, give that address to --endpoint; else --region",
    )


def engine_of(start: Mapping[str, Any]) -> str:
    """What recognised speech in the local service: NAME or NAME:MODEL; "" in another service.

    PocketSphinx where the journal does not say: it is from before there was another.
    """
    if not start.get("local"):
        return ""
    engine = start.get("engine", "pocketsphinx")
    return engine if isinstance(engine, str) else "pocketsphinx"


def engine_to_resume(start: Mapping[str, Any]) -> str | None:
    """The engine with which a recording goes on; None where it was not the local service's.

    Raises:
        UsageError: it has a model, which may be a stranger's file.
    """
    engine = engine_of(start)
    if ":" in engine:
        raise UsageError(
            f"The recording was made with the engine '{engine}'.",
            f"if its model may be loaded: --engine {shlex.quote(engine)}; else --engine of another",
        )
    return engine or None


def _is_plain_loopback(endpoint: str) -> bool:
    try:
        return (
            endpoint.startswith(("ws://", "wss://"))
            and is_loopback(endpoint)
            and without_credentials(endpoint) == endpoint
        )
    except ValueError:
        return False


def _shown(endpoint: object) -> str:
    try:
        return without_credentials(str(endpoint))
    except ValueError:
        return str(endpoint)


def parameters_of(
    start: Mapping[str, Any], changes: Mapping[str, Any], params: Sequence[str]
) -> Parameters:
    """The recording's parameters, as they were last, and those of `--param` in their place.

    The notes are on the latter.

    Args:
        changes: what was changed of them while it went on.

    Raises:
        UsageError: the journal asks for what only the user can ask for, or a pair is malformed.
    """
    asked = parse_params(params)
    last: dict[str, Any] = {**start["parameters"], **changes}
    for name in last:
        if name not in RECOGNITION_PARAMETERS and name not in asked:
            raise UsageError(
                f"The recording's journal asks for '{name}', which is not known here.",
                f"if you want it, say so: --param {shlex.quote(name)}=VALUE",
            )
    query = last | asked
    name = str(query.get("speech_model"))
    model = find_model(name)
    notes = list(notes_on(last, asked, model, OPTIONS)) if asked else []
    if model is None and "speech_model" in asked:
        notes.insert(0, note_on_unknown(name))
    return Parameters(query, model, notes)
