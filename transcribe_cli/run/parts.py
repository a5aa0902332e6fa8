"""What a run works with: everything that is open, closed again by whoever opened it."""

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from transcribe_cli.audio.audio_log import AudioLog, ReadableLog
from transcribe_cli.audio.recorder_thread import Recorder
from transcribe_cli.audio.source import Source
from transcribe_cli.outputs.output import Outputs
from transcribe_cli.run.limits import Budget
from transcribe_cli.run.loop import Loop
from transcribe_cli.run.reporter import View
from transcribe_cli.session.connect_thread import ConnectThread
from transcribe_cli.session.events import Event
from transcribe_cli.session.session import Target
from transcribe_cli.supervisor.session_quota import SessionQuota
from transcribe_cli.transcript.turns import TurnUpdate
from transcribe_cli.ui.notices import Notices

if TYPE_CHECKING:
    from transcribe_cli.settings.keyterms_file import KeytermsFile


def nothing_to_sync() -> None:
    """There is no journal to be put on the disk."""


class HeardChannels(NamedTuple):
    """What sessions hear of a log of several channels, and whose the words are.

    Attributes:
        views: each with sessions of its own; none: sessions hear the log.
        with_channels: tells whose the words of a turn are, where that is known.
    """

    views: Sequence[ReadableLog] = ()
    with_channels: Callable[[TurnUpdate], TurnUpdate] | None = None


@dataclass(frozen=True, slots=True)
class Doors:
    """How a run reaches the world; in virtual time they lead elsewhere.

    Attributes:
        connect: opens a session's connection.
        make_recorder: makes what records the source.
        wall: seconds since 1970.
        chance: the jitter of waits comes from it.
    """

    connect: Callable[[int, Target, Callable[[Event], None]], ConnectThread] = ConnectThread
    make_recorder: Callable[..., Recorder] = Recorder
    wall: Callable[[], float] = time.time
    chance: random.Random | None = None


@dataclass(frozen=True, slots=True)
class RunParts:
    """What one run is given beside its `RunConfig`: a field for each thing that is open.

    Attributes:
        quota, budget: shared by the runs of a command.
        view: the live view, where there is one.
        sync: puts the journal on the disk; called by the recorder's thread when it does the same
            with the audio.
        keyterms_file: what `--keyterms-file` holds, where it is given.
        typed: the lines of settings that were typed for every recording before this one began.
    """

    source: Source
    log: AudioLog
    outputs: Outputs
    notices: Notices
    loop: Loop
    quota: SessionQuota
    budget: Budget = field(default_factory=Budget)
    view: View | None = None
    sync: Callable[[], None] = nothing_to_sync
    keyterms_file: "KeytermsFile | None" = None
    typed: Sequence[str] = ()
    heard: HeardChannels = field(default_factory=HeardChannels)
    doors: Doors = field(default_factory=Doors)

    @property
    def logs(self) -> Sequence[ReadableLog]:
        """What sessions read, of each channel."""
        return self.heard.views or (self.log,)
