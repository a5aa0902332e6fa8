"""`aai-stream mic`: transcribe a microphone until stopped."""

from transcribe_cli.exit_status import ExitStatus
from transcribe_cli.outputs.formats import is_video
from transcribe_cli.settings.environment import Environment
from transcribe_cli.settings.options import MicOptions

_BLOCK_MS = 50  # at most: the level meter and the audio log live from short blocks


def mic(options: MicOptions, environment: Environment) -> ExitStatus:
    """Transcribe a microphone until Ctrl+C, a limit or a signal."""
    from transcribe_cli.audio.microphone import Microphone
    from transcribe_cli.jobs.transcriber import SourceSpec, Transcriber

    def open_source() -> Microphone:
        return Microphone(
            options.device,
            options.sample_rate,
            min(options.chunk_ms, _BLOCK_MS),
            falls_back=options.device_fallback,
        )

    if options.probe:
        from transcribe_cli.audio.probe import RATE_HZ
        from transcribe_cli.commands.probe import probe_microphone

        return probe_microphone(lambda: Microphone(options.device, RATE_HZ, _BLOCK_MS), environment)
    if options.no_clobber:
        from transcribe_cli.jobs.path_checks import check_clobber

        check_clobber(options, ["mic"])
    if any(map(is_video, options.output_files)):
        from transcribe_cli.jobs.path_checks import check_videos

        check_videos([], options.output_files)
    transcriber = Transcriber(options, environment, pace=None)
    with transcriber.outputs.open_shared(), transcriber.service() as service:
        result = transcriber.transcribe(service, SourceSpec("mic", "mic", open_source))
    return transcriber.outputs.exit_status(result.exit_status)
