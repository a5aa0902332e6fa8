"""`models`, engines and `languages`: tables for people, `--json` for programs."""

from collections.abc import Iterator

from transcribe_cli.errors import UsageError
from transcribe_cli.exit_status import ExitStatus
from transcribe_cli.outputs.listings import window_columns, write_json, write_table
from transcribe_cli.protocol.languages import WHISPER_LANGUAGES, language_name
from transcribe_cli.protocol.models import DEFAULT_MODEL, MODELS, PRICES_OF, Model
from transcribe_cli.settings.environment import Environment, say
from transcribe_cli.ui.safe_text import safe_text

# What the table of models tells, by the parameter that asks for it.
_ABILITIES = {
    "detect": "language_detection",
    "key terms": "keyterms_prompt",
    "prompt": "prompt",
    "speakers": "speaker_labels",
}


def models(environment: Environment, *, as_json: bool, verbose: bool = False) -> ExitStatus:
    """What each model does, costs and takes; `verbose`: also what `--turns` is on it."""
    try:
        said = _said_prices(environment)
    except UsageError as e:  # which the next run tells in full
        say(environment.stderr, safe_text(f"note: no price of yours counts: {e.message}") + "\n")
        said = {}
    if as_json:
        rows = [
            {
                "name": model.name,
                "title": model.title,
                "default": model.name == DEFAULT_MODEL,
                "languages": list(model.languages),
                "language_detection": "language_detection" in model.takes,
                "always_formats": model.always_formats,
                "non_speech_tags": model.non_speech_tags,
                "usd_per_hour": model.usd_per_hour,
                "usd_per_hour_said": said.get(model.name),
                "price_of": PRICES_OF,
                "min_turn_silence_ms": model.min_turn_silence_ms,
                "max_turn_silence_ms": model.max_turn_silence_ms,
                "parameters": sorted(model.takes),
                "turns": {preset: dict(values) for preset, values in model.turns.items()},
                "source": model.source,
            }
            for model in MODELS.values()
        ]
        return write_json(environment, rows)
    table = []
    for model in MODELS.values():
        usd = said.get(model.name, model.usd_per_hour)
        price = "not known" if usd is None else f"${usd:.2f}/h"
        if model.name in said:
            price += " (yours)"
        shown = " ".join(model.languages) if len(model.languages) < 8 else str(len(model.languages))
        able = [word for word, name in _ABILITIES.items() if name in model.takes]
        able += ["[tags]"] * model.non_speech_tags
        formats = "always" if model.always_formats else "if asked"
        mark = "*" if model.name == DEFAULT_MODEL else " "
        table.append((mark, model.name, price, shown, formats, ", ".join(able)))
    write_table(environment, ("", "model", "price", "languages", "formats", "can"), table)
    environment.write(f"list prices of {PRICES_OF}; say others with --usd-per-hour\n")
    if verbose:
        columns = window_columns(environment)
        for model in MODELS.values():
            for line in _details(model):
                environment.write("".join(f"{part}\n" for part in _in_columns(line, columns)))
    return ExitStatus.OK


def engines(environment: Environment, *, as_json: bool) -> ExitStatus:
    """What recognises speech on this machine; the one that `--local` takes is marked."""
    from transcribe_cli.emulator.engines.registry import choose_engine, speech_engines

    known = speech_engines()
    ready = {name for name, info in known.items() if info.is_ready}
    default = choose_engine(None).info.name if ready else None
    if as_json:
        rows = [
            {
                "name": name,
                "title": info.title,
                "model": info.own_model or None,
                "models": info.fetched_models,
                "default": name == default,
                "installed": name in ready,
                "languages": info.languages,
                "licence": info.licence,
            }
            for name, info in known.items()
        ]
        return write_json(environment, rows)
    table = [
        (
            "*" if name == default else " ",
            name,
            ", ".join(info.fetched_models) or info.own_model,
            info.how_to_get or "yes",
            info.languages,
            info.licence,
        )
        for name, info in known.items()
    ]
    return write_table(
        environment, ("", "engine", "model", "installed", "languages", "licence"), table
    )


def _said_prices(environment: Environment) -> dict[str, float]:
    """What an hour costs by the environment, a `.env` or the config file.

    Raises:
        UsageError: that is no price.
    """
    from transcribe_cli.settings.config_file import read_config
    from transcribe_cli.settings.dotenv import settings_in_dotenv
    from transcribe_cli.settings.precedence import config_path
    from transcribe_cli.settings.setting_origins import variable_of
    from transcribe_cli.settings.usd_per_hour import parse_prices

    option = "usd_per_hour"
    said = environment.variables.get(variable_of(option))
    said = said or settings_in_dotenv(environment).options.get(option)
    said = said or read_config(config_path(environment.variables)).values.get(option)
    return parse_prices(str(said), DEFAULT_MODEL) if said else {}


def _in_columns(line: str, columns: int | None) -> list[str]:
    """A line, or several that are no wider."""
    if columns is None or len(line) < columns:
        return [line]
    from textwrap import wrap

    return wrap(line, columns - 1, subsequent_indent="      ", break_on_hyphens=False)


def _details(model: Model) -> Iterator[str]:
    """What `--turns` sends to a model, and which of its parameters leave others without effect."""
    yield ""
    yield f"{model.name}: {model.title}"
    for preset, values in model.turns.items():
        sent = " ".join(f"{name}={value}" for name, value in values.items())
        silence = model.mode_silence_ms.get(values.get("mode", ""))
        if silence is not None:
            sent += f" (silence of {silence[0]} to {silence[1]} ms)"
        yield f"  --turns {preset}: {sent}"
    if not model.turns:
        yield "  --turns: no official values"
    for setting, other, _ in model.cancels:
        yield f"  {other} has no effect with {setting}"
    yield f"  source: {model.source}"


def languages(environment: Environment, *, as_json: bool) -> ExitStatus:
    """Every language code, and which models know it."""
    codes = dict.fromkeys(WHISPER_LANGUAGES)
    for model in MODELS.values():
        codes |= dict.fromkeys(model.languages)
    rows = [
        (
            code,
            language_name(code),
            [model.name for model in MODELS.values() if code in model.languages],
        )
        for code in sorted(codes)
    ]
    if as_json:
        return write_json(
            environment, [{"code": c, "language": n, "models": found} for c, n, found in rows]
        )
    table = [(code, name, ", ".join(found)) for code, name, found in rows]
    return write_table(environment, ("code", "language", "models"), table)
