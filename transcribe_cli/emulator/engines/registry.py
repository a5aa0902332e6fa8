"""The engines that recognise speech, by name. Other packages add theirs by an entry point.

An entry point of the group `aai_stream.engines` names a module like `moonshine.py`: with a function
`make_engine(settings, model)`, which gives an `Engine`. It is imported in a worker process only.
"""

import importlib
import importlib.util
from typing import NamedTuple, cast

from transcribe_cli.emulator.engine_settings import EngineSettings
from transcribe_cli.emulator.engines.engine import Engine
from transcribe_cli.errors import UsageError

GROUP = "aai_stream.engines"
LOCAL_HINT = "pip install 'aai-stream[local]'"


class SpeechEngineInfo(NamedTuple):
    """One engine, as the status line tells of it.

    Attributes:
        title: the engine and its model, for people.
        package: what must be installed, as it is imported.
        licence: of the engine and its model.
    """

    name: str
    title: str
    module: str
    package: str
    languages: str
    licence: str

    @property
    def installed(self) -> bool:
        return importlib.util.find_spec(self.package) is not None


_HERE = "transcribe_cli.emulator.engines"
BUILT_IN = (
    SpeechEngineInfo(
        "moonshine", "Moonshine tiny", f"{_HERE}.moonshine", "moonshine_voice", "English", "MIT"
    ),
    SpeechEngineInfo(
        "pocketsphinx", "PocketSphinx", f"{_HERE}.sphinx", "pocketsphinx", "English", "BSD"
    ),
)
"""The best first."""


def engines() -> dict[str, SpeechEngineInfo]:
    """All engines by name: our own, then those of other packages."""
    from importlib.metadata import entry_points

    known = {info.name: info for info in BUILT_IN}
    for point in entry_points(group=GROUP):
        package = point.module.partition(".")[0]
        known.setdefault(
            point.name, SpeechEngineInfo(point.name, point.name, point.module, package, "", "")
        )
    return known


def find_engine(asked: str | None) -> tuple[SpeechEngineInfo, str]:
    """The engine that NAME or NAME:MODEL asks for, and its model; None asks for the best here.

    Raises:
        UsageError: there is none of that name, or it is not installed.
    """
    if asked is None:
        for info in BUILT_IN:
            if info.installed:
                return info, ""
        raise UsageError("The local service needs the package moonshine-voice.", LOCAL_HINT)
    name, _, model = asked.partition(":")
    known = engines()
    name = "pocketsphinx" if name == "sphinx" else name  # as it was called before
    if name not in known:
        raise UsageError(f"There is no engine {name!r}.", f"known are {', '.join(known)}")
    info = known[name]
    if not info.installed:
        raise UsageError(f"The engine {name} needs the package {info.package}.", LOCAL_HINT)
    return info, model


def title_of(asked: str | None) -> str:
    """What hears, for people: "Moonshine tiny"."""
    info, model = find_engine(asked)
    return f"{info.title.partition(' ')[0]} {model}" if model else info.title


def make_engine(asked: str, settings: EngineSettings) -> Engine:
    """The engine of one session, by NAME or NAME:MODEL."""
    info, model = find_engine(asked)
    module = importlib.import_module(info.module)
    return cast(Engine, module.make_engine(settings, model))
