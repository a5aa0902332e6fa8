"""Reads and checks a connection's parameters as the service does before `Begin`. Pure.

Sources: page "Streaming API" reference; what the official plugins for voice agents say that the
service refuses. Where only the rule is published and not the words, the words are ours, in the form
of the others.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from transcribe_cli.emulator.compressed_audio import COMPRESSED, missing_package
from transcribe_cli.emulator.session_refused import SessionRefused
from transcribe_cli.errors import UsageError
from transcribe_cli.protocol.models import MODELS, Family, find_model
from transcribe_cli.protocol.parameters import (
    PARAMETERS,
    SPEECH_MODELS,
    BadParameter,
    check_languages,
    decode_query,
)

# Refused, and not ignored, on a model of another family (the plugins' own checks say so).
_REFUSED_BUT_ON_PRO = ("prompt", "mode", "agent_context")
# Listed in the service's own error message, begun, and then ended with 3005; measured live.
_WITHOUT_ENGINE = ("u3-rt-agent", "universal-3-7-preview")
_LIKE = {
    Family.PRO: "universal-3-6-pro",
    Family.UNIVERSAL_STREAMING: "universal-streaming-english",
    Family.WHISPER: "whisper-rt",
}


class AdmittedModels(NamedTuple):
    """The models that a service lets in.

    Attributes:
        more: names beside those of the table, each with the model that it behaves like.
        default: runs where a client names none; None: naming one is required.
    """

    more: Mapping[str, str] = {}
    default: str | None = None

    def read(self, query: str) -> dict[str, Any]:
        """The parameters of a connection.

        Raises:
            SessionRefused: with 3006 and the service's own wording.
        """
        names = PARAMETERS["speech_model"]._replace(choices=(*SPEECH_MODELS, *self.more))
        try:
            parameters = decode_query(query, PARAMETERS | {"speech_model": names})
            if "speech_model" not in parameters:
                if self.default is None:
                    raise BadParameter("speech_model", "Field required")
                parameters["speech_model"] = self.default
            _check_together(parameters, self.like(parameters["speech_model"]))
        except BadParameter as e:
            raise SessionRefused(3006, str(e)) from e
        return parameters

    def like(self, name: str) -> str:
        """The model of the table that this one behaves like; names it lacks are newer Pro ones."""
        row = find_model(self.more.get(name, name))
        return _LIKE[Family.PRO] if row is None else row.name

    def has_engine(self, name: str) -> bool:
        """Whether a session of a model hears anything; of one let in by name it does."""
        return name in self.more or name not in _WITHOUT_ENGINE


DEFAULT_MODELS = AdmittedModels()


def parse_admitted_models(allowed: Iterable[str], default: str | None) -> AdmittedModels:
    """The models of `--allow-model NAME=FAMILY` and `--default-model NAME`.

    >>> parse_admitted_models(["next-model=whisper"], None).more
    {'next-model': 'whisper-rt'}

    Raises:
        UsageError: a family or the default model is not known.
    """
    families = {family.value: like for family, like in _LIKE.items()}
    more: dict[str, str] = {}
    for text in allowed:
        name, _, family = text.partition("=")
        if not name or family not in families:
            raise UsageError(
                f"--allow-model '{text}' is not NAME=FAMILY.",
                f"families are {', '.join(families)}; for example next-model=pro",
            )
        more[name] = families[family]
    if default is not None and default not in (*SPEECH_MODELS, *more):
        raise UsageError(
            f"--default-model '{default}' is not known.",
            f"choose from {', '.join((*MODELS, *more))}, or let it in with --allow-model",
        )
    return AdmittedModels(more, default)


def _check_together(parameters: Mapping[str, Any], like: str) -> None:
    """What each parameter alone does not show.

    Raises:
        BadParameter: with the service's words, where they are known.
    """
    for name in _REFUSED_BUT_ON_PRO:
        if name in parameters and MODELS[like].family is not Family.PRO:
            *most, last = (f"'{row.name}'" for row in MODELS.values() if row.family is Family.PRO)
            needed = f"only supported with the {', '.join(most)} or {last} speech_model"
            current = f"Current speech_model: '{parameters['speech_model']}'"
            raise BadParameter(name, f"Value error, {name} is {needed}. {current}")
    if "voice_focus_threshold" in parameters and "voice_focus" not in parameters:
        reason = "Value error, voice_focus_threshold requires voice_focus"
        raise BadParameter("voice_focus_threshold", reason)
    check_languages(parameters)
    if parameters.get("encoding") in COMPRESSED and (why := missing_package()) is not None:
        raise BadParameter("encoding", why)
