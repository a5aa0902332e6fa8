"""The table of models for people: `docs/models.md` holds it. Pure."""

from collections.abc import Iterable, Iterator, Sequence

from transcribe_cli.protocol.models import MODELS, PRICES_OF, REDIRECTS, Model
from transcribe_cli.settings.session_parameters import option_of

# Options that every session has a value of.
_ALWAYS = {
    "speech_model": "--model",
    "sample_rate": "--sample-rate",
    "format_turns": "--format-turns",
}
_MOST_LISTED = 30  # of languages by their codes


def as_markdown() -> str:
    """What each model is, takes and costs."""
    return "".join(f"{line}\n" for line in _lines())


def _lines() -> Iterator[str]:
    models = list(MODELS.values())
    price = f"USD an hour, {PRICES_OF}"
    yield from _table(
        ("model", "title", price, "languages", "formats", "source"),
        (
            (
                f"`{model.name}`",
                model.title,
                "not known" if model.usd_per_hour is None else f"{model.usd_per_hour:.2f}",
                _languages(model),
                "always" if model.always_formats else "if asked",
                model.source,
            )
            for model in models
        ),
    )
    yield ""
    for name, runs in REDIRECTS.items():
        yield f"`{name}` is answered with `{runs}`."
    yield from ("", "## Parameters", "")
    names = sorted(frozenset().union(*(model.takes for model in models)) - {"token"})
    yield from _table(
        ("parameter", "option", *(f"`{model.name}`" for model in models)),
        (
            (f"`{name}`", _option(name), *("yes" if name in m.takes else "" for m in models))
            for name in names
        ),
    )
    yield from ("", "## What `--turns` sends", "")
    yield from _table(
        ("model", "preset", "parameters"),
        (
            (f"`{model.name}`", preset, ", ".join(f"`{k}={v}`" for k, v in values.items()))
            for model in models
            for preset, values in model.turns.items()
        ),
    )
    yield from ("", "## What leaves another setting without effect", "")
    yield from _table(
        ("model", "setting", "without effect"),
        (
            (f"`{model.name}`", f"`{each.setting}`", f"`{each.other}`")
            for model in models
            for each in model.cancels
        ),
    )


def _languages(model: Model) -> str:
    if len(model.languages) > _MOST_LISTED:
        return f"{len(model.languages)}: see `aai-stream languages`"
    return " ".join(model.languages)


def _option(name: str) -> str:
    option = _ALWAYS.get(name) or option_of(name)
    return "" if option.startswith("--param") else f"`{option}`"


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(heads)} |"
    yield f"|{' --- |' * len(heads)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"
