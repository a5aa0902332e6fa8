"""`aai-stream file`: transcribe audio files, or standard input."""

import contextlib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from transcribe_cli.audio.excerpt import Range
from transcribe_cli.audio.source import Source
from transcribe_cli.errors import UsageError
from transcribe_cli.exit_status import ExitStatus
from transcribe_cli.jobs.sources import (
    SAMPLE,
    STDIN,
    SourceSpec,
    find_sources,
    names_of,
    pace_of,
    part_of,
)
from transcribe_cli.outputs.formats import is_video
from transcribe_cli.settings.environment import Environment
from transcribe_cli.settings.file_options import FileOptions

if TYPE_CHECKING:
    from transcribe_cli.jobs.shards import Shard
    from transcribe_cli.jobs.transcriber import Transcriber


def file(options: FileOptions, environment: Environment) -> ExitStatus:
    """Transcribe one file, or many, so many at once as were asked for."""
    from transcribe_cli.jobs.transcriber import Transcriber

    pace = pace_of(options)
    part = part_of(options)
    given = [*(options.paths or ()), *([str(SAMPLE)] if options.sample else ())]
    paths, many = find_sources(given, options.from_list, environment.stdin)
    names = names_of(paths)
    every, shard = paths, None
    if options.shard is not None:
        from transcribe_cli.jobs.shards import make_shard

        shard, many = make_shard(options.shard, paths, names, part), True
        paths, names = [paths[place] for place in shard.places], shard.names
    if options.probe:
        from transcribe_cli.commands.probe import probe_files

        return probe_files(paths, part, environment)
    if options.record or options.output_files:
        from transcribe_cli.jobs.path_checks import check_clobber, check_sources, stem_of

        check_sources(every, options.record, options.output_files, environment)
        check_clobber(options, [stem_of(path) for path in paths])
    jobs = min(options.jobs, len(paths))
    if options.cluster is not None:
        from transcribe_cli.cluster.checks import check_cluster
        from transcribe_cli.cluster.client import transcribe_on_cluster

        check_cluster(options, paths)
        many = True
    elif options.dashboard:
        raise UsageError("--dashboard is of '--cluster local'.", "add --cluster local")
    most = jobs
    if options.local and options.cluster is None:
        from transcribe_cli.jobs.service import most_local_jobs

        most = most_local_jobs(options.engine)
    at_once = min(jobs, most) > 1 or options.cluster is not None
    transcriber = Transcriber(
        options, environment, several=many, at_once=at_once, pace=pace, part=part
    )
    if any(map(is_video, options.output_files)):
        from transcribe_cli.jobs.path_checks import check_videos

        check_videos(paths, options.output_files, options.track, transcriber.notices.note)
    if jobs > most:
        transcriber.notices.note(f"{most} at once, not {jobs}: what this machine can recognise")
        jobs = most

    def asked(path: str, name: str) -> SourceSpec:
        def opened() -> Source:
            source = _open(path, part, options, environment, transcriber.notices.note)
            if path != STDIN:
                source.name = name
            return source

        if path == STDIN:
            return SourceSpec("stdin", "stdin", opened)
        if "://" in path:
            return SourceSpec(name, "address", opened, path.partition("#")[0])
        return SourceSpec(name, "file", opened, path)

    specs = [asked(path, name) for path, name in zip(paths, names, strict=True)]
    if options.cluster is not None:
        return transcribe_on_cluster(transcriber, specs, options, environment, shard)
    if many:
        return _transcribe_many(transcriber, specs, jobs, shard, again=options.again)
    (what,) = specs
    with contextlib.ExitStack() as stack:
        if paths[0] != STDIN:
            # Opened first: no service is started for a file that is none.
            source = stack.enter_context(contextlib.closing(what.open()))
            what = what._replace(open=lambda: source)
        stack.enter_context(transcriber.outputs.open_shared())
        service = stack.enter_context(transcriber.service())
        status = transcriber.transcribe(service, what).exit_status
    return transcriber.outputs.exit_status(status)


def _transcribe_many(
    transcriber: "Transcriber",
    specs: "Sequence[SourceSpec]",
    jobs: int,
    shard: "Shard | None",
    *,
    again: bool,
) -> ExitStatus:
    from transcribe_cli.jobs.batch import Batch

    outputs = transcriber.outputs
    with contextlib.ExitStack() as stack:
        stack.enter_context(outputs.open_shared())
        if shard is not None:
            transcriber.notices.note(shard.note)
            outputs.tell(shard.record(datetime.now(UTC)))
            if not specs:  # there are more shards than files
                return ExitStatus.OK
        service = stack.enter_context(transcriber.service())
        batch = Batch(transcriber, service, specs, jobs)
        status = batch.run(again=again)
    batch.tell_sum()
    return outputs.exit_status(status)


def _open(
    path: str,
    part: Range,
    options: FileOptions,
    environment: Environment,
    note: Callable[[str], None],
) -> Source:
    if path == STDIN:
        from transcribe_cli.audio.stdin import open_stdin

        return open_stdin(
            *(environment.stdin, options.sample_rate, note),
            track=part.track,
            channel=part.channel,
            raw=options.raw,
        )
    if "://" in path:
        from transcribe_cli.web.address_source import open_address

        return open_address(
            *(path, options.sample_rate, note), track=part.track, channel=part.channel
        )
    from transcribe_cli.audio.files import open_file

    return open_file(Path(path), options.sample_rate, part.track, part.channel)
