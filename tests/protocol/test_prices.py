"""What an hour of session costs."""

import pytest

from transcribe_cli.protocol.models import MODELS, Tariff, usd_per_hour

UNPRICED = "assemblyai-stt-3-7-realtime-agent"


@pytest.mark.parametrize(
    ("parameters", "price"),
    [
        ({"speech_model": "u3-rt-pro"}, 0.45),
        ({"speech_model": "universal-streaming-english"}, 0.15),
        ({"speech_model": "universal-streaming-english", "keyterms_prompt": ["a"]}, 0.19),
        ({"speech_model": "u3-rt-pro", "keyterms_prompt": ["a"]}, 0.45),
        ({"speech_model": "whisper-rt"}, 0.30),
        ({"speech_model": "universal-3-5-pro", "voice_focus": "near-field"}, 0.55),
        ({"speech_model": "universal-3-5-pro", "redact_pii": True}, 0.57),
        ({"speech_model": "universal-3-5-pro", "redact_pii": False}, 0.45),
        ({"speech_model": "universal-3-5-pro", "redact_pii": "False"}, 0.45),
        ({"speech_model": "u3-pro-rt"}, 0.45),
    ],
)
def test_price_of_an_hour(parameters: dict[str, object], price: float) -> None:
    assert usd_per_hour(parameters) == pytest.approx(price)


@pytest.mark.parametrize("model", ["universal-9", UNPRICED])
def test_a_price_that_is_not_known_is_not_guessed(model: str) -> None:
    assert usd_per_hour({"speech_model": model}) is None
    assert Tariff({"speech_model": model}).usd_per_hour() is None
    assert Tariff({"speech_model": model}, is_free=True).usd_per_hour() == 0


def test_what_the_user_says_wins_and_has_the_extras_in_it() -> None:
    asked = {"speech_model": "universal-3-5-pro", "redact_pii": True}
    assert Tariff(asked, {"universal-3-5-pro": 0.30}).usd_per_hour() == 0.30


def test_what_runs_is_priced() -> None:
    tariff = Tariff({"speech_model": "universal-streaming-english"}, {"universal-9": 0.80})
    assert tariff.usd_per_hour({"speech_model": "u3-rt-pro"}) == 0.45
    assert tariff.usd_per_hour({"speech_model": "universal-9"}) == 0.80


def test_an_unknown_model_in_place_of_a_known_one_counts_as_the_dearest() -> None:
    dearest = max(model.usd_per_hour or 0 for model in MODELS.values())
    running = {"speech_model": "universal-10"}
    assert Tariff({"speech_model": "whisper-rt"}).usd_per_hour(running) == dearest
    assert Tariff({"speech_model": "x"}, {"x": 9.0}).usd_per_hour(running) == 9.0
    assert Tariff({"speech_model": "x"}).usd_per_hour(running) is None


def test_an_unknown_model_counts_as_no_less_than_what_the_user_says_of_another() -> None:
    tariff = Tariff({"speech_model": "whisper-rt"}, {"universal-3-6-pro": 2.0})

    assert tariff.usd_per_hour({"speech_model": "universal-10"}) == 2.0
    assert not tariff.is_known({"speech_model": "universal-10"})
    assert tariff.is_known({"speech_model": "universal-3-6-pro"})
