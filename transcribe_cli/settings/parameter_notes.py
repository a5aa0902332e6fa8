"""Says which parameters of a session have no effect. Pure.

The service ignores names that it does not know, and what the model does not take, without a word
(page "Streaming API"); so it is told here.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from transcribe_cli.protocol.models import Model, models_that_take
from transcribe_cli.protocol.parameters import PARAMETERS, as_typed

# Parameters that mean nothing without another one.
_NEEDS = {
    "max_speakers": "speaker_labels",
    "speaker_labels_revision_interval_ms": "speaker_labels",
    "redact_pii_policies": "redact_pii",
    "redact_pii_sub": "redact_pii",
    "voice_focus_threshold": "voice_focus",
    "webhook_auth_header_name": "webhook_url",
}


def notes_on(
    options: Mapping[str, Any],
    params: Mapping[str, str],
    model: Model | None,
    names: Mapping[str, str],
) -> Iterator[str]:
    """A note for each parameter that is without effect, or may be.

    Args:
        options: the parameters that come from options.
        params: those of `--param`, which are sent in place of the former.
        names: the option of each parameter that has one.
    """
    query: dict[str, Any] = {**options, **params}
    for name, value in params.items():
        if name not in PARAMETERS:
            yield f"--param {name} is not known; {_likely(name)}"
            continue
        if name in names and name in options and options[name] != as_typed(name, value):
            yield f"--param {name} is sent in place of {names[name]}"
        if name == "sample_rate" and str(options.get(name)) != value:
            yield f"--param sample_rate={value} is sent, but the audio has {options.get(name)} Hz"
        takers = models_that_take(name)
        if model is not None and takers and name not in model.takes:
            yield f"--param {name} has no effect on {model.name}; {', '.join(takers)} take it"
        needed = _NEEDS.get(name)
        if needed is not None and not _is_on(needed, query):
            yield f"--param {name} has no effect without {names.get(needed, needed)}"
    if model is None:
        return
    for setting, other, says in model.cancels:
        if not _is_on(setting, query):
            continue
        shown = names.get(setting, setting)
        if _is_on(other, query):
            yield f"{names.get(other, other)} has no effect with {shown} on {model.name}"
        elif says and other not in query:
            yield f"with {shown} {says}"


def _is_on(name: str, query: Mapping[str, Any]) -> bool:
    return as_typed(name, query.get(name)) not in (None, False)


def _likely(name: str) -> str:
    import re

    from transcribe_cli.settings.similar_names import resembling

    plain = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).replace("-", "_")
    known = resembling(plain, PARAMETERS)
    return f"did you mean {known}?" if known else "it is sent as it is"
