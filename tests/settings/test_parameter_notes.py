"""What is without effect is told: page "Streaming API" says that unknown names are ignored."""

from typing import Any

import pytest

from transcribe_cli.errors import UsageError
from transcribe_cli.settings.session_parameters import parse_params, resolve_parameters

NEWEST = "universal-3-6-pro"


def notes(model: str, *params: str, **asked: Any) -> list[str]:
    return resolve_parameters(model, 16000, asked=asked, params=params).notes


@pytest.mark.parametrize(
    ("name", "likely"),
    [
        ("speaker_labes", "speaker_labels"),
        ("speechModel", "speech_model"),
        ("sampleRate", "sample_rate"),
        ("keyterms", "keyterms_prompt"),
        ("max-turn-silence", "max_turn_silence"),
        ("VAD_THRESHOLD", "vad_threshold"),
    ],
)
def test_a_name_that_resembles_a_known_one_is_told_with_it(name: str, likely: str) -> None:
    assert notes("u3-rt-pro", f"{name}=1") == [
        f"--param {name} is not known; did you mean {likely}?"
    ]


def test_a_name_like_no_other_is_told_without_a_guess() -> None:
    assert notes("u3-rt-pro", "loud=1") == ["--param loud is not known; it is sent as it is"]


@pytest.mark.parametrize("param", ["speaker_labels=true", "session_heartbeat=true", "language=en"])
def test_what_has_its_effect_is_not_told(param: str) -> None:
    assert notes("u3-rt-pro", param) == []


def test_a_param_that_the_model_does_not_take_is_told_with_those_that_do() -> None:
    (note,) = notes("whisper-rt", "prompt=x")
    assert note.startswith("--param prompt has no effect on whisper-rt; u3-rt-pro, ")


def test_a_param_in_place_of_an_option_is_told() -> None:
    assert notes("u3-rt-pro", "mode=balanced", mode="min_latency") == [
        "--param mode is sent in place of --mode"
    ]
    assert notes("u3-rt-pro", "mode=balanced", mode="balanced") == []


def test_a_rate_that_the_audio_does_not_have_is_told() -> None:
    (note,) = notes("u3-rt-pro", "sample_rate=8000")
    assert "16000 Hz" in note
    assert notes("u3-rt-pro", "sample_rate=16000") == []


def test_a_model_named_as_a_param_is_the_one_that_is_checked() -> None:
    parameters = resolve_parameters(
        "u3-rt-pro", 16000, asked={"voice_focus": "near-field"}, params=[f"speech_model={NEWEST}"]
    )
    assert parameters.model is not None and parameters.model.name == NEWEST
    assert parameters.query["speech_model"] == NEWEST
    with pytest.raises(UsageError, match="whisper-rt does not take --prompt"):
        notes("u3-rt-pro", "speech_model=whisper-rt", prompt="x")


@pytest.mark.parametrize(
    ("params", "needed"),
    [
        (["speaker_labels_revision_interval_ms=120000"], "--speaker-labels"),
        (["voice_focus_threshold=0.5"], "--voice-focus"),
        (["redact_pii_sub=hash", "redact_pii=false"], "--redact-pii"),
    ],
)
def test_a_param_without_the_one_that_it_needs_is_told(params: list[str], needed: str) -> None:
    (note,) = notes(NEWEST, *params)
    assert note.endswith(f"has no effect without {needed}")


def test_speaker_labels_leave_the_mode_without_effect_on_the_newer_models() -> None:
    asked = {"speaker_labels": True, "mode": "min_latency"}
    assert notes(NEWEST, **asked) == [f"--mode has no effect with --speaker-labels on {NEWEST}"]
    assert notes("u3-rt-pro", **asked) == []
    assert notes(NEWEST, "speaker_labels=True", mode="min_latency") != []
    assert notes(NEWEST, "speaker_labels=false", mode="min_latency") == []


def test_redaction_takes_partial_turns_away() -> None:
    assert notes(NEWEST, redact_pii=True) == [
        "with --redact-pii text comes when a turn has ended, and no sooner"
    ]
    assert notes(NEWEST, "include_partial_turns=true", redact_pii=True) == [
        f"include_partial_turns has no effect with --redact-pii on {NEWEST}"
    ]
    assert notes(NEWEST, "include_partial_turns=false", redact_pii=True) == []


def test_a_secret_may_be_named_by_its_file_and_is_no_parameter_then() -> None:
    assert parse_params(["webhook_auth_header_value=@/run/secret", "mode=balanced"]) == {
        "mode": "balanced"
    }


@pytest.mark.parametrize("url", ["https://me:pw-pw@example.com/x", "//me@example.com"])
def test_an_address_with_a_credential_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse_params([f"webhook_url={url}"])
    assert "credential" in refused.value.message
    assert "me" not in refused.value.message.split()
    assert "pw-pw" not in refused.value.message + refused.value.hint


def test_an_at_sign_in_the_path_is_no_credential() -> None:
    url = "https://example.com/@me?x=a@b"
    assert parse_params([f"webhook_url={url}"]) == {"webhook_url": url}
