"""The engines that recognise speech, by name. Other packages add theirs by an entry point.

An entry point of the group `aai_stream.engines` names a `SpeechEngineInfo`. The module that this
names, one like `moonshine.py`, is imported in a worker process only.
"""

import importlib
import importlib.util
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple, cast

from transcribe_cli.emulator.engine_settings import EngineSettings
from transcribe_cli.emulator.engines import model_store
from transcribe_cli.emulator.engines.engine import Engine
from transcribe_cli.emulator.session_limits import SessionNeeds
from transcribe_cli.errors import UsageError

GROUP = "aai_stream.engines"
LOCAL_HINT = "pip install 'aai-stream[local]', or where it finds no wheel [pocketsphinx]"


class SpeechEngineInfo(NamedTuple):
    """One engine, as it is told of before it is loaded.

    Attributes:
        title: the engine, for people.
        own_model: the model that it has where none is named; "" where there is but one.
        module: has `make_engine(settings: EngineSettings, model: str) -> Engine`.
        package: what must be installed, as it is imported.
        hint: how to install it.
        languages: for people.
        licence: of the engine and its model.
        multilingual: it detects the language, and is preferred where that is asked for.
        model_files: what a folder of a model holds; () where a model is no folder.
        repositories: where models of its own names are fetched from; none: it has them.
        shares_process: it lets go of the interpreter's lock while it computes: its sessions are
            threads of one process, and share models.
        needs: what one of its sessions needs of a machine.
    """

    name: str
    title: str
    own_model: str
    module: str
    package: str
    hint: str
    languages: str
    licence: str
    multilingual: bool = False
    repositories: Mapping[str, str] = MappingProxyType({})
    model_files: tuple[str, ...] = ()
    shares_process: bool = False
    # A process with a model of its own; where processors are busy, it leaves out partials.
    needs: SessionNeeds = SessionNeeds(a_processor=4, memory_bytes=384 << 20)

    @property
    def is_installed(self) -> bool:
        return importlib.util.find_spec(self.package) is not None

    @property
    def is_ready(self) -> bool:
        """Whether it is installed, and so is its own model."""
        here = not self.repositories or model_store.stored(self.repositories[self.own_model])
        return self.is_installed and bool(here)

    @property
    def fetched_models(self) -> list[str]:
        """Names of models that were fetched."""
        return [name for name, each in self.repositories.items() if model_store.stored(each)]

    @property
    def how_to_get(self) -> str:
        """What makes it ready; "" where it is."""
        if self.is_ready:
            return ""
        if self.is_installed:
            return f"aai-stream models --fetch {self.name}:{self.own_model}"
        return self.hint


_HERE = "transcribe_cli.emulator.engines"
BUILT_IN = (
    SpeechEngineInfo(
        name="moonshine",
        title="Moonshine",
        own_model="tiny",
        module=f"{_HERE}.moonshine",
        package="moonshine_voice",
        hint="pip install 'aai-stream[local]'",
        languages="English",
        licence="MIT",
        model_files=("tokenizer.bin",),
        shares_process=True,
        # Threads of one process, which share its models; the detector of speech is each one's own.
        needs=SessionNeeds(a_processor=5, memory_bytes=64 << 20),
    ),
    SpeechEngineInfo(
        name="pocketsphinx",
        title="PocketSphinx",
        own_model="",
        module=f"{_HERE}.sphinx",
        package="pocketsphinx",
        hint="pip install 'aai-stream[pocketsphinx]'",  # a part of `local`, but not everywhere
        languages="English",
        licence="BSD",
        # A process of 80 MB, which decodes in about a seventh of the time that was spoken.
        needs=SessionNeeds(a_processor=4, memory_bytes=128 << 20),
    ),
    SpeechEngineInfo(
        name="whisper",
        title="Whisper",
        own_model="base",
        module=f"{_HERE}.whisper",
        package="ctranslate2",
        hint="pip install 'aai-stream[whisper]'",
        languages="100 languages",
        licence="MIT",
        multilingual=True,
        repositories=model_store.WHISPER,
        shares_process=True,
        # As Moonshine's, with a model of 150 MB or more; where processors are busy, it leaves out
        # partials.
        needs=SessionNeeds(a_processor=3, memory_bytes=128 << 20),
    ),
)
"""The best first; one for many languages last."""
FALLBACK = "pocketsphinx"
_EARLIER_NAMES = {"sphinx": "pocketsphinx"}


class UnknownEngine(UsageError):
    """No engine that recognises speech has that name."""


class MissingModel(UsageError):
    """A model of this name is not here, but can be fetched.

    Attributes:
        model: NAME:MODEL.
        repository: OWNER/NAME.
    """

    def __init__(self, model: str, repository: str) -> None:
        super().__init__(
            f"The model {model} is not on this machine.", f"run: aai-stream models --fetch {model}"
        )
        self.model = model
        self.repository = repository


class ChosenEngine(NamedTuple):
    """An engine and its model; "" is the engine's own."""

    info: SpeechEngineInfo
    model: str = ""

    @property
    def asked(self) -> str:
        """NAME or NAME:MODEL."""
        return f"{self.info.name}:{self.model}" if self.model else self.info.name

    @property
    def title(self) -> str:
        """What hears, for people: "Moonshine tiny"."""
        model = Path(self.model).name if self.info.model_files else self.model
        return f"{self.info.title} {model or self.info.own_model}".rstrip()

    def fallback_note(self, multilingual: bool = False) -> str:
        """What is to be said where a better engine is not there; "" where none is.

        Args:
            multilingual: one that detects languages was asked for.
        """
        for many in BUILT_IN:
            if multilingual and many.multilingual and not self.info.multilingual:
                return f"only {self.info.languages} is heard; for more: {many.how_to_get}"
        best = BUILT_IN[0]
        if best.is_installed or self.info.name != FALLBACK:
            return ""
        return f"{self.title} hears, and needs clear speech: {best.title} is not installed"

    def make(self, settings: EngineSettings) -> Engine:
        """The engine of one session; loads what it needs."""
        module = importlib.import_module(self.info.module)
        return cast(Engine, module.make_engine(settings, self.model))


def speech_engines() -> dict[str, SpeechEngineInfo]:
    """All engines by name: our own, then those of other packages."""
    from importlib.metadata import entry_points

    known = {info.name: info for info in BUILT_IN}
    for point in entry_points(group=GROUP):
        if point.name not in known:
            known[point.name] = point.load()._replace(name=point.name)
    return known


def choose_engine(asked: str | None, multilingual: bool = False) -> ChosenEngine:
    """The engine that NAME or NAME:MODEL asks for; None asks for the best that is installed.

    Args:
        multilingual: prefer one that detects languages.

    Raises:
        UsageError: there is none of that name, or it is not installed.
        MissingModel: its model must be fetched first.
    """
    if asked is None:
        installed = [info for info in BUILT_IN if info.is_ready]
        fitting = [info for info in installed if info.multilingual == multilingual]
        for info in (*fitting, *installed):
            return ChosenEngine(info)
        raise UsageError("The local service needs the package moonshine-voice.", LOCAL_HINT)
    name, _, model = asked.partition(":")
    known = speech_engines()
    name = _EARLIER_NAMES.get(name, name)
    if name not in known:
        raise UnknownEngine(f"There is no engine '{name}'.", f"known are {', '.join(known)}")
    info = known[name]
    if not info.is_installed:
        raise UsageError(f"The engine {name} needs the package {info.package}.", info.hint)
    if info.repositories:
        return ChosenEngine(info, _named_model(info, model or info.own_model))
    if model and info.model_files:
        folder = Path(model)
        if not all((folder / name).is_file() for name in info.model_files):
            raise UsageError(
                f"'{model}' is no folder of a {info.title} model.",
                f"it holds {', '.join(info.model_files)} and what comes with it",
            )
        model = str(folder.resolve())
    return ChosenEngine(info, model)


def _named_model(info: SpeechEngineInfo, model: str) -> str:
    """A model's name as it is, or its folder as an absolute path.

    Raises:
        UsageError, MissingModel: neither is here.
    """
    repository = model_store.repository_of(model, info.repositories)
    if Path(model).is_dir():
        return str(Path(model).resolve())
    if repository is None:
        known = ", ".join(info.repositories)
        raise UsageError(
            f"There is no folder '{model}', and no {info.title} model of that name.",
            f"known are {known}; OWNER/NAME is one of the hub's",
        )
    if model_store.stored(repository) is None:
        raise MissingModel(f"{info.name}:{model}", repository)
    return model
