"""Models that were fetched by name: where they lie on this machine."""

import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from transcribe_cli.settings.environment import APP
from transcribe_cli.settings.user_folders import cache_folder

WHISPER: Mapping[str, str] = MappingProxyType(
    {
        name: f"Systran/faster-whisper-{name}"
        for name in (
            *("tiny", "base", "small", "medium", "large-v1", "large-v2", "large-v3"),
            *("tiny.en", "base.en", "small.en", "medium.en"),
        )
    }
    | {"large-v3-turbo": "mobiuslabsgmbh/faster-whisper-large-v3-turbo"}
)
"""The repositories of Whisper's own models, converted for CTranslate2."""

_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}", re.ASCII)


def repository_of(model: str, known: Mapping[str, str]) -> str | None:
    """OWNER/NAME of a model that is so called, or in short; None: it is no name.

    >>> repository_of("base", WHISPER), repository_of("./x", WHISPER)
    ('Systran/faster-whisper-base', None)
    """
    if model in known:
        return known[model]
    return model if _REPOSITORY.fullmatch(model) else None


def folder_for(repository: str) -> Path:
    """Where a repository's model is kept, whole; it need not be there."""
    return cache_folder(APP) / "models" / repository.replace("/", "--")


def stored(repository: str) -> Path | None:
    """The folder of a model that was fetched."""
    folder = folder_for(repository)
    return folder if folder.is_dir() else None
