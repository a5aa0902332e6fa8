"""The parameters of a session: what was asked for, checked against the model beforehand."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from transcribe_cli.errors import UsageError
from transcribe_cli.protocol.models import MODELS, Model, find_model, models_that_take
from transcribe_cli.protocol.parameters import PARAMETERS, SECRET_PARAMETERS, WEBHOOK_SECRET
from transcribe_cli.settings.environment import TOKEN_VARIABLE, WEBHOOK_SECRET_VARIABLE


class Parameters(NamedTuple):
    """What is asked of the service.

    Attributes:
        query: parameters of the connection, without any credential.
        model: the model's row; None for one that this version does not know.
        notes: what the user should know: options with nothing to add, unknown names.
    """

    query: dict[str, Any]
    model: Model | None
    notes: list[str]


OPTIONS: dict[str, str] = {
    "language_detection": "--detect-language",
    "language_codes": "--language-code",
    "keyterms_prompt": "--keyterm",
    "prompt": "--prompt",
    "speaker_labels": "--speaker-labels",
    "max_speakers": "--max-speakers",
    "filter_profanity": "--filter-profanity",
    "redact_pii": "--redact-pii",
    "redact_pii_policies": "--redact-pii-policy",
    "redact_pii_sub": "--redact-pii-sub",
    "domain": "--domain",
    "voice_focus": "--voice-focus",
    "mode": "--mode",
    "min_turn_silence": "--min-turn-silence",
    "max_turn_silence": "--max-turn-silence",
    "end_of_turn_confidence_threshold": "--end-of-turn-confidence",
    "vad_threshold": "--vad-threshold",
    "inactivity_timeout": "--inactivity-timeout",
    "encoding": "--encoding",
}
"""The option that each parameter comes from."""


# What every session is asked for.
_PLAIN = {"speech_model", "sample_rate", "format_turns"}


def resolve_parameters(
    model_name: str,
    sample_rate_hz: int,
    *,
    format_turns: bool | None = None,
    turns: str | None = None,
    asked: Mapping[str, Any] | None = None,
    params: Sequence[str] = (),
) -> Parameters:
    """The query parameters of a session.

    Args:
        turns: a preset of what ends a turn; what is asked for beside it wins.
        asked: values by parameter name; None, False and empty lists were not asked for.
        params: `NAME=VALUE` pairs that go out unchecked.

    Raises:
        UsageError: the model cannot honour an option, or a pair is malformed.
    """
    parsed = parse_params(params)
    model_name = parsed.get("speech_model", model_name)
    model = find_model(model_name)
    notes: list[str] = []
    if model is None:
        notes.append(note_on_unknown(model_name))
    query: dict[str, Any] = {"speech_model": model_name, "sample_rate": sample_rate_hz}
    if model is None or "format_turns" in model.takes:
        query["format_turns"] = format_turns is not False
    elif format_turns is not None and model.always_formats:
        given = "--format-turns" if format_turns else "--no-format-turns"
        notes.append(f"{given} has no effect on {model.name}, which always formats")
    wanted = dict(asked or {})
    if turns is not None:
        for name, value in _preset(turns, model, model_name, wanted).items():
            if wanted.get(name) is None:
                wanted[name] = value
    for name, value in wanted.items():
        if value is None or value is False or value == []:
            continue
        codes = value if name == "language_codes" else ()
        name, value = _for_model(name, value, model)
        if model is not None and name not in model.takes:
            raise _not_taken(model, name)
        _check_languages(codes, model)
        _check_choice(name, value)
        query[name] = value
    if "redact_pii" not in query and query.keys() & {"redact_pii_policies", "redact_pii_sub"}:
        raise UsageError("--redact-pii-policy and --redact-pii-sub need --redact-pii.", "add it")
    if "max_speakers" in query and "speaker_labels" not in query:
        raise UsageError("--max-speakers needs --speaker-labels.", "add it")
    notes += _odd_values(query)
    if parsed or query.keys() - _PLAIN:
        from transcribe_cli.settings.parameter_notes import notes_on

        names = OPTIONS if turns is None else OPTIONS | {"mode": "--turns"}
        notes += notes_on(query, parsed, model, names)
    return Parameters(query | parsed, model, notes)


def _odd_values(query: Mapping[str, Any]) -> list[str]:
    """What the service takes, and does not do as it was meant."""
    least, most = query.get("min_turn_silence"), query.get("max_turn_silence")
    notes = []
    if terms := query.get("keyterms_prompt", ()):
        from transcribe_cli.settings.parameter_changes import note_on_long

        notes += [f"--keyterm {note}" for note in map(note_on_long, terms) if note]
    if least is not None and most is not None and least > most:
        notes.append(f"--min-turn-silence {least} is more than --max-turn-silence {most}")
    return notes


def note_on_unknown(name: str) -> str:
    """What is said of a model that this version does not know."""
    from transcribe_cli.settings.similar_names import resembling

    likely = resembling(name, MODELS)
    meant = f"; did you mean {likely}?" if likely else ", unchecked"
    return f"the model '{name}' is not known here and is sent as it is{meant}"


def _check_languages(codes: Sequence[str], model: Model | None) -> None:
    """Languages of a known model; more of them would be refused, or heard as another one."""
    for code in codes:
        if model is None or code in (*model.languages, "multi"):
            continue
        from transcribe_cli.protocol.languages import language_name
        from transcribe_cli.settings.similar_names import resembling

        names = {language_name(known): known for known in model.languages}
        base = code.lower().replace("_", "-").partition("-")[0]
        name = resembling(code, names) if len(code) > 3 else None
        likely = base if base in model.languages else names.get(name or "")
        raise UsageError(
            f"--language-code does not know '{code}' for {model.name}.",
            f"did you mean {likely}?" if likely else "see 'aai-stream languages'",
        )


def _preset(
    turns: str, model: Model | None, name: str, asked: Mapping[str, Any]
) -> Mapping[str, Any]:
    """The values of a preset of `--turns`.

    Raises:
        UsageError: the model has none, or what ends a turn is asked for as a mode as well.
    """
    if model is None or not model.turns:
        taking = [row.name for row in MODELS.values() if row.turns]
        raise UsageError(
            f"--turns has no official values for {name}.",
            f"it has some for {_listed(taking)}; --max-turn-silence says it in ms",
        )
    if asked.get("mode") is not None:
        raise UsageError("--turns and --mode both say how soon a turn ends.", "use one of them")
    return model.turns[turns]


def _for_model(name: str, value: Any, model: Model | None) -> tuple[str, Any]:
    """u3-rt-pro takes one language, under the older name of the parameter."""
    if name == "language_codes" and model is not None and "language_code" in model.takes:
        if len(value) > 1:
            raise UsageError(
                f"{model.name} takes one --language-code.",
                f"several are taken by {_listed(models_that_take('language_codes'))}",
            )
        return "language_code", value[0]
    return name, value


def _not_taken(model: Model, name: str) -> UsageError:
    option = option_of(name)
    taking = models_that_take(name)
    if name == "language_codes":
        taking = [*models_that_take("language_code"), *taking]
    hint = f"it is taken by {_listed(taking)}"
    if "language_detection" in model.takes and name == "language_codes":
        hint += f"; {model.name} finds the language by itself: use --detect-language"
    return UsageError(f"{model.name} does not take {option}.", hint)


def option_of(parameter: str) -> str:
    """The option that asks for a parameter; `--param` where none does.

    >>> option_of("keyterms_prompt"), option_of("agent_context")
    ('--keyterm', '--param agent_context')
    """
    name = "language_codes" if parameter == "language_code" else parameter
    return OPTIONS.get(name, f"--param {parameter}")


def _listed(names: Sequence[str]) -> str:
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last


def _check_choice(name: str, value: Any) -> None:
    parameter = PARAMETERS[name]
    values = value if isinstance(value, list) else [value]
    for item in values:
        if parameter.choices and item not in parameter.choices:
            option = OPTIONS.get(name, name)
            raise UsageError(
                f"{option} does not know '{item}'.", f"choose from {', '.join(parameter.choices)}"
            )
    if isinstance(value, list | str) and parameter.high is not None and len(value) > parameter.high:
        noun = "items" if isinstance(value, list) else "characters"
        raise UsageError(
            f"{OPTIONS[name]} takes at most {parameter.high:.0f} {noun}.",
            f"these are {len(value)}",
        )


def parse_params(params: Sequence[str]) -> dict[str, str]:
    """`NAME=VALUE` pairs, sent as they are given.

    Raises:
        UsageError: one has no name or no equals sign, or holds a credential.
    """
    parsed: dict[str, str] = {}
    for text in params:
        name, equals, value = text.partition("=")
        name = name.strip()
        if not equals or not name:
            raise UsageError(
                f"--param '{text}' is not NAME=VALUE.", "for example: --param mode=min_latency"
            )
        if name == WEBHOOK_SECRET and value.startswith("@"):
            continue  # the file is read where credentials are
        meant = _secret_meant(name)
        if meant is not None:
            raise UsageError(
                f"--param '{name}' is a credential, which a command line shows.",
                f"set {WEBHOOK_SECRET_VARIABLE}, or give --param {meant}=@FILE"
                if meant == WEBHOOK_SECRET
                else f"set {TOKEN_VARIABLE} for a temporary token",
            )
        if name == "webhook_url" and "@" in _host_of(value):
            raise UsageError(
                "--param webhook_url holds a credential, which is seen there.",
                f"name a header with webhook_auth_header_name, and set {WEBHOOK_SECRET_VARIABLE}",
            )
        parsed[name] = value
    return parsed


def _secret_meant(name: str) -> str | None:
    """The secret parameter that a name is, or is a slip of; None where it is another's."""
    if name in PARAMETERS and name not in SECRET_PARAMETERS:
        return None
    import re

    from transcribe_cli.settings.similar_names import resembling

    plain = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower().replace("-", "_")
    if plain == "api_key":
        return "token"
    likely = resembling(plain, (*PARAMETERS, *SECRET_PARAMETERS))
    return likely if likely in SECRET_PARAMETERS else None


def _host_of(url: str) -> str:
    """What stands between the slashes of an address: host, port, and a user's name before it."""
    return url.partition("//")[2].partition("/")[0]
