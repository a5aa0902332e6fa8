"""What an hour costs, as the user says it, and whether a limit of the cost can hold."""

import math

import pytest

from transcribe_cli.errors import UsageError
from transcribe_cli.protocol.models import Tariff
from transcribe_cli.settings.usd_per_hour import checked, notes_on_prices, parse_prices

UNPRICED = Tariff({"speech_model": "universal-9"})


@pytest.mark.parametrize(
    ("text", "prices"),
    [
        ("0.45", {"universal-9": 0.45}),
        (" 0 ", {"universal-9": 0.0}),
        ("whisper-rt=0.28, 0.5", {"whisper-rt": 0.28, "universal-9": 0.5}),
        ("a=b=1", {"a=b": 1.0}),
    ],
)
def test_prices_are_of_the_model_asked_for_or_by_name(text: str, prices: dict[str, float]) -> None:
    assert parse_prices(text, "universal-9") == prices


def test_a_price_of_an_older_name_is_that_of_what_runs() -> None:
    assert parse_prices("0.2", "u3-pro-rt") == {"u3-pro-rt": 0.2, "universal-3-5-pro": 0.2}


@pytest.mark.parametrize("text", ["", "x", "-1", "nan", "inf", "=1", "whisper-rt=", "0.4,", "$1"])
def test_what_is_no_price_is_refused(text: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse_prices(text, "universal-9")
    assert refused.value.message == f"--usd-per-hour '{text}' is no price."
    assert "0.45" in refused.value.hint


def test_a_limit_needs_a_price() -> None:
    with pytest.raises(UsageError) as refused:
        checked(UNPRICED, None, 1.0)
    assert "universal-9" in refused.value.message
    assert "--usd-per-hour" in refused.value.hint


@pytest.mark.parametrize(
    ("said", "max_cost_usd", "is_free", "price"),
    [("0.45", 1.0, False, 0.45), (None, 1.0, True, 0.0), (None, None, False, None)],
)
def test_a_price_a_local_service_or_no_limit_will_do(
    said: str | None, max_cost_usd: float | None, is_free: bool, price: float | None
) -> None:
    tariff = UNPRICED._replace(is_free=is_free)
    assert checked(tariff, said, max_cost_usd).usd_per_hour() == price


@pytest.mark.parametrize("limit", [math.nan, math.inf])
def test_what_never_is_reached_is_no_limit(limit: float) -> None:
    with pytest.raises(UsageError, match="is no limit"):
        checked(Tariff({"speech_model": "u3-rt-pro"}), None, limit)


def test_a_price_of_a_model_that_nobody_knows_is_a_note() -> None:
    tariff = checked(Tariff({"speech_model": "universal-9"}), "universal-9=1,wisper-rt=2", None)

    assert notes_on_prices(tariff) == [
        "--usd-per-hour: the model 'wisper-rt' is not known here; did you mean whisper-rt?"
    ]
