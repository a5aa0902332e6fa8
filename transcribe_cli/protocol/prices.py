"""What an hour of session costs: by the table of models, or as the user says. Pure."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from transcribe_cli.protocol.models import MODELS, Family, find_model

# List prices per hour of what is charged on top, from the official streaming reference.
_EXTRAS_USD_PER_HOUR = {"voice_focus": 0.10, "redact_pii": 0.12}
_KEYTERMS_USD_PER_HOUR = 0.04  # on the Universal-Streaming models only
_NOT_ASKED = ("", "false")


def usd_per_hour(parameters: Mapping[str, Any]) -> float | None:
    """List price of an hour of session with these parameters; None where it is not known."""
    model = find_model(str(parameters.get("speech_model")))
    if model is None or model.usd_per_hour is None:
        return None
    price = model.usd_per_hour
    for name, extra in _EXTRAS_USD_PER_HOUR.items():
        if str(parameters.get(name) or "").lower() not in _NOT_ASKED:
            price += extra
    if model.family is Family.UNIVERSAL_STREAMING and parameters.get("keyterms_prompt"):
        price += _KEYTERMS_USD_PER_HOUR
    return price


class Tariff(NamedTuple):
    """What the sessions of a run cost.

    Attributes:
        asked: the parameters that they are opened with.
        said: USD an hour by model, extras included, in place of the list's.
        is_free: they are a local service's.
    """

    asked: Mapping[str, Any]
    said: Mapping[str, float] = {}
    is_free: bool = False

    def usd_per_hour(self, running: Mapping[str, Any] | None = None) -> float | None:
        """The price of a session; None where it is not known.

        Args:
            running: the parameters that it runs with, where the service has said so. A model whose
                price is not known, in place of one whose price is, counts as the dearest of all,
                so that a limit of the cost still holds.
        """
        if self.is_free:
            return 0.0
        asked = self._price_of(self.asked)
        if running is None:
            return asked
        price = self._price_of(running)
        if price is None and asked is not None:
            known = (model.usd_per_hour for model in MODELS.values())
            price = max(asked, *(usd for usd in known if usd is not None))
        return price

    def _price_of(self, parameters: Mapping[str, Any]) -> float | None:
        said = self.said.get(str(parameters.get("speech_model")))
        return usd_per_hour(parameters) if said is None else said
