"""The exit codes of the program, each with its one meaning."""

from enum import IntEnum


class ExitStatus(IntEnum):
    """What the program tells the shell when it ends."""

    OK = 0
    FAULT = 1  # a fault of this program
    USAGE = 2
    AUDIO = 3  # no device, unreadable file, PortAudio missing
    ACCOUNT = 4  # key, account or billing refused
    SERVICE = 5  # the service could not be reached or gave up
    INCOMPLETE = 6  # the recording is saved, its transcript is incomplete
    INTERRUPTED = 130  # SIGINT
    TERMINATED = 143  # SIGTERM
