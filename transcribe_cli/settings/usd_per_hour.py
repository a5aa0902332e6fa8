"""What sessions cost, by the list or as the user says, and whether `--max-cost` can hold. Pure."""

import math

from transcribe_cli.errors import UsageError
from transcribe_cli.protocol.models import MODELS, REDIRECTS, Tariff, find_model
from transcribe_cli.settings.similar_names import resembling

_EXAMPLE = "for example 0.45, or by model: whisper-rt=0.28,universal-9=0.50"


def checked(tariff: Tariff, said: str | None, max_cost_usd: float | None) -> Tariff:
    """A command's tariff with the prices that the user says, if a limit of the cost holds then.

    Args:
        said: the value of `--usd-per-hour`.

    Raises:
        UsageError: `said` is no price, or `max_cost_usd` no limit, or one that could not hold
            because nobody knows what the model costs.
    """
    model = str(tariff.asked["speech_model"])
    if said is not None:
        tariff = tariff._replace(said=parse_prices(said, model))
    if max_cost_usd is None:
        return tariff
    if not math.isfinite(max_cost_usd):
        raise UsageError(f"--max-cost '{max_cost_usd}' is no limit.", "for example 0.50")
    if tariff.usd_per_hour() is None:
        raise UsageError(
            f"--max-cost cannot hold: the price of '{model}' is not known here.",
            "say what an hour of it costs, for example --usd-per-hour 0.45",
        )
    return tariff


def notes_on_prices(tariff: Tariff) -> list[str]:
    """A note for each price that the user says of a model that is neither known nor asked for."""
    notes = []
    for name in tariff.said:
        if name == tariff.asked["speech_model"] or find_model(name) is not None:
            continue
        likely = resembling(name, MODELS)
        meant = f"; did you mean {likely}?" if likely else ""
        notes.append(f"--usd-per-hour: the model '{name}' is not known here{meant}")
    return notes


def parse_prices(text: str, model: str) -> dict[str, float]:
    """USD an hour by model, from `0.45` or `MODEL=USD,MODEL=USD`.

    >>> parse_prices("0.45", "universal-9"), parse_prices("whisper-rt=0.28", "universal-9")
    ({'universal-9': 0.45}, {'whisper-rt': 0.28})

    Args:
        model: the one that is asked for, which a price without a name is for.

    Raises:
        UsageError: it is neither.
    """
    prices: dict[str, float] = {}
    for part in text.split(","):
        name, equals, price = part.rpartition("=")
        name = name.strip()
        if equals and not name:
            raise _no_price(text)
        usd = _usd(price, text)
        prices |= {name: usd} if equals else {model: usd, REDIRECTS.get(model, model): usd}
    return prices


def _usd(price: str, text: str) -> float:
    try:
        usd = float(price)
    except ValueError:
        raise _no_price(text) from None
    if not 0 <= usd < math.inf:
        raise _no_price(text)
    return usd


def _no_price(text: str) -> UsageError:
    return UsageError(f"--usd-per-hour '{text}' is no price.", _EXAMPLE)
