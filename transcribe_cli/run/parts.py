"""What a run works with: everything that is open. Whoever opened a thing closes it."""

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
    """Do nothing: there is no journal to write through to the disk."""


class HeardChannels(NamedTuple):
    """What sessions hear of a log of several channels, and how a turn's channel is found.

    Attributes:
        views: logs that each have sessions of their own; empty: sessions hear the whole log.
        with_channels: adds to a turn the channel of its words, where it is known.
    """

    views: Sequence[ReadableLog] = ()
    with_channels: Callable[[TurnUpdate], TurnUpdate] | None = None


@dataclass(frozen=True, slots=True)
class Doors:
    """How a run reaches the world; simulations in virtual time replace them.

    Attributes:
        connect: opens a session's connection.
        make_recorder: returns the recorder of the source.
        wall: returns seconds since 1970.
        chance: the source of the jitter in waiting times.
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
        sync: writes the journal through to the disk; the recorder's thread calls it when it does
            the same with the audio.
        keyterms_file: the file given as `--keyterms-file`, if any.
        typed: the setting lines that were typed for every recording before this one began.
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
        """What sessions read, one for each channel."""
        return self.heard.views or (self.log,)
