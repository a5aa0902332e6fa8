"""`aai-stream mic`: transcribe a microphone, or what the machine plays, until stopped."""

from typing import TYPE_CHECKING

from transcribe_cli.audio.format import MICROPHONE, SYSTEM
from transcribe_cli.errors import UsageError
from transcribe_cli.exit_status import ExitStatus
from transcribe_cli.outputs.formats import is_video
from transcribe_cli.settings.environment import Environment
from transcribe_cli.settings.mic_options import MicOptions
from transcribe_cli.settings.option_types import Sides

if TYPE_CHECKING:
    from transcribe_cli.audio.devices import DeviceOpener
    from transcribe_cli.audio.source import Source

_BLOCK_MS = 50  # at most: the level meter and the audio log live from short blocks


def mic(options: MicOptions, environment: Environment) -> ExitStatus:
    """Transcribe a microphone, or both sides of a call, until Ctrl+C, a limit or a signal."""
    _check_sides(options)
    from transcribe_cli.audio.microphone import Microphone
    from transcribe_cli.jobs.sources import SourceSpec
    from transcribe_cli.jobs.transcriber import Transcriber

    block_ms = min(options.chunk_ms, _BLOCK_MS)

    def open_source() -> "Source":
        if options.system:
            from transcribe_cli.audio.call.system_sound import open_system_sound

            return open_system_sound(options.sample_rate, block_ms)
        microphone = Microphone(
            options.device,
            options.sample_rate,
            block_ms,
            falls_back=options.device_fallback,
            tells_choice=environment.stderr.isatty(),
        )
        if not options.with_system:
            return microphone
        from transcribe_cli.audio.call.call_source import open_call

        return open_call(microphone, options.sample_rate, block_ms)

    if options.probe:
        from transcribe_cli.commands.probe import probe_devices

        return probe_devices(_openers(options), environment)
    if options.no_clobber:
        from transcribe_cli.jobs.path_checks import check_clobber

        check_clobber(options, ["mic"])
    if any(map(is_video, options.output_files)):
        from transcribe_cli.jobs.path_checks import check_videos

        check_videos([], options.output_files)
    transcriber = Transcriber(options, environment, pace=None)
    with transcriber.outputs.open_shared(), transcriber.service() as service:
        each = options.channels is Sides.EACH
        spec = SourceSpec("mic", "mic", open_source, tracks=_tracks(options), each=each)
        result = transcriber.transcribe(service, spec)
    return transcriber.outputs.exit_status(result.exit_status)


def _openers(options: MicOptions) -> "list[DeviceOpener]":
    """What opens each device that would be recorded, with all of its channels."""
    from transcribe_cli.audio.call.system_sound import find_system_sound
    from transcribe_cli.audio.devices import find_device
    from transcribe_cli.audio.probe import RATE_HZ

    found = []
    if not options.system:
        found.append(find_device(options.device, RATE_HZ, _BLOCK_MS, all_channels=True))
    if options.system or options.with_system:
        found.append(find_system_sound(RATE_HZ, _BLOCK_MS, all_channels=True))
    return found


def _tracks(options: MicOptions) -> tuple[str, ...]:
    if options.with_system:
        return MICROPHONE, SYSTEM
    return (SYSTEM,) if options.system else ()


def _check_sides(options: MicOptions) -> None:
    """Refuse what contradicts itself, before anything opens."""
    if options.system and options.with_system:
        raise UsageError("--system is one side, --with-system both.", "give one of them")
    if options.channels is Sides.EACH and not options.with_system:
        raise UsageError(
            "--channels each keeps two sides apart, and one is recorded.",
            "give --with-system too, or leave --channels out",
        )
    if options.system and options.device is not None:
        raise UsageError(
            "--system takes no microphone, so --device means nothing.",
            "give --with-system for both sides, or leave --device out",
        )
