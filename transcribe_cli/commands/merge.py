"""`aai-stream merge`: one document, one summary and one bill of several machines' work."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Struct
from msgspec.structs import asdict

from transcribe_cli.errors import IncompleteError, StreamError, UsageError
from transcribe_cli.exit_status import ExitStatus, of_journal, of_merged
from transcribe_cli.jobs.closing_lines import tell_total, total_of
from transcribe_cli.jobs.path_checks import check_sources, stem_of
from transcribe_cli.jobs.shard_results import FileResult, read_results
from transcribe_cli.outputs.formats import (
    STANDARD_OUTPUT,
    is_video,
    open_outputs,
    open_stdout,
    output_path,
)
from transcribe_cli.outputs.jsonl_records import Record, read_record
from transcribe_cli.outputs.output import Output, Outputs
from transcribe_cli.outputs.written_files import WrittenFiles, check_not_there
from transcribe_cli.recordings.journal import JournalRecord, JournalSummary, summarize
from transcribe_cli.settings.environment import Environment
from transcribe_cli.settings.option_types import (
    Argument,
    Format,
    FormatOption,
    NoClobberOption,
    NonSpeech,
    NonSpeechOption,
    OutputOption,
    PartialsOption,
    output_files,
    stdout_format,
)
from transcribe_cli.ui.notices import Notices, PlainConsole


class MergeOptions(Struct, frozen=True, kw_only=True):
    """Options of `merge`."""

    paths: Annotated[
        list[str],
        Argument("JSON Lines of the shards, or folders of recordings.", "PATH"),
    ]
    output: OutputOption = None
    format: FormatOption = None
    no_clobber: NoClobberOption = False
    partials: PartialsOption = True
    non_speech: NonSpeechOption = NonSpeech.DIM


def merge(environment: Environment, asked: MergeOptions) -> ExitStatus:
    """Write every output that is asked for, without one the text to standard output.

    Returns:
        The exit code of the first file, in the order of the list, that failed.

    Raises:
        StreamError: there is nothing to merge, or an output cannot be written.
    """
    kind = stdout_format(asked.output, asked.format)
    templates = output_files(asked.output)
    if kind is None and not templates:
        kind = Format.TXT
    told = [kind or "", *(Path(template).suffix[1:].lower() for template in templates)]
    partials = asked.partials and "jsonl" in told
    results = read_results([Path(path) for path in asked.paths], partials=partials)
    there = [result for result in results.files if isinstance(result, FileResult)]
    paths = _checked_paths(templates, there, environment)
    if asked.no_clobber:
        check_not_there(paths)
    files = WrittenFiles()
    for path in paths:
        files.add(path)
    notices = Notices(PlainConsole(stderr=True))
    with _Merged(environment, asked, kind, templates) as merged:
        for result in results.files:
            if isinstance(result, FileResult):
                merged.add(result)
            else:
                merged.count(result, of_journal(), "not there")
        status = merged.end(missing=bool(results.missing))
    tell_total(notices, merged.summaries, None, local=merged.is_free)
    for line in files.lines():
        notices.note(line)
    _tell_ends(notices, merged, results.missing)
    return status


class _Merged:
    """The outputs, and what came into them; a context manager."""

    def __init__(
        self,
        environment: Environment,
        asked: MergeOptions,
        kind: Format | None,
        templates: Sequence[str],
    ) -> None:
        self._asked = asked
        self._own = [template for template in templates if "{stem}" in template]
        self.summaries: list[dict[str, Any]] = []
        self.is_free = True  # nothing was billed, as with `--local`
        self.ends: list[tuple[str, ExitStatus, str]] = []  # name, exit code, why
        self._failures: list[StreamError] = []
        opened = self._open([template for template in templates if template not in self._own], "")
        if kind is not None:
            stdout = environment.binary_stdout
            non_speech = asked.non_speech is not NonSpeech.HIDE
            opened.append(
                open_stdout(
                    *(stdout, kind),
                    partials=asked.partials,
                    non_speech=non_speech,
                    headings=True,
                )
            )
        self._shared = Outputs(opened, self._broken)

    def __enter__(self) -> "_Merged":
        return self

    def __exit__(self, *_: object) -> None:
        self._shared.close()

    def add(self, result: FileResult) -> None:
        """Write all of a file."""
        records = list(result.records())
        journal = summarize(records) if result.content else JournalSummary()
        if journal.problem:
            self.count(result.name, of_journal(), journal.problem)
            return
        own = Outputs(self._open(self._own, stem_of(result.name)), self._broken)
        try:
            for record in map(read_record, records):
                record.body["source"] = result.name
                own.write(record)
                self._shared.write(record)
        finally:
            own.close()
        if result.content:
            self.summaries.append(_summary_of(journal))
            self.is_free &= journal.start.get("local") is True
        status, why = _end_of(result, records)
        self.count(result.name, status, why)

    def count(self, name: str, status: ExitStatus, why: str) -> None:
        """Count a file, and how it ended."""
        self.ends.append((name, status, why))

    def end(self, *, missing: bool) -> ExitStatus:
        """Write the sum of all, close the outputs, and say how the whole ended.

        Raises:
            StreamError: an output could not be written.
        """
        status = of_merged((status for _, status, _ in self.ends), missing=missing)
        failed = [name for name, status, _ in self.ends if status]
        total = {"files": len(self.ends), "failed": failed} | total_of(self.summaries)
        total["complete"] = not status
        self._shared.write(Record(datetime.now(UTC), "Total", total))
        self._shared.close()
        for failure in self._failures:
            raise failure
        return status

    def _open(self, templates: Sequence[str], stem: str) -> list[Output]:
        non_speech = self._asked.non_speech is not NonSpeech.HIDE
        return open_outputs(
            *(templates, stem),
            partials=self._asked.partials,
            non_speech=non_speech,
            headings=not stem,
        )

    def _broken(self, output: Output, e: OSError) -> None:
        if output.name == STANDARD_OUTPUT:
            raise e  # its reader went away, or the disk is full
        sentence = f"'{output.name}' cannot be written: {e.strerror or e}."
        self._failures.append(IncompleteError(sentence, "see whether the disk is full"))


def _checked_paths(
    templates: Sequence[str], results: Sequence[FileResult], environment: Environment
) -> list[Path]:
    """Where the outputs go.

    Raises:
        UsageError: one would replace what is merged, or that of another file.
    """
    check_sources([result.name for result in results], None, templates, environment)
    read = {result.path.resolve() for result in results}
    paths: list[Path] = []
    for template in templates:
        if is_video(template):
            raise UsageError(
                f"-o '{template}' is a copy of one file.", "ask for captions alone: .srt"
            )
        stems = [stem_of(result.name) for result in results] if "{stem}" in template else [""]
        paths += [output_path(template, stem) for stem in stems]
    for path in paths:
        if path.resolve() in read:
            raise UsageError(f"'{path}' is to be merged itself.", "choose another path")
    return paths


class _Summary(Struct):
    """What is added up of a Summary record."""

    audio_s: float = 0.0
    session_s: float = 0.0
    cost_usd: float | None = None
    sessions: int = 0
    turns: int = 0
    words: int = 0
    languages: dict[str, float] = {}
    lost_ms: int = 0
    terminated: bool = False


def _summary_of(journal: JournalSummary) -> dict[str, Any]:
    """What a file's run came to, also where it was cut off."""
    with suppress(msgspec.ValidationError):  # somebody else may have written it
        if journal.summary is not None:
            return asdict(msgspec.convert(journal.summary, _Summary))
    totals = journal.totals
    return asdict(
        _Summary(
            audio_s=journal.finished_ms / 1000,
            session_s=journal.session_s,
            sessions=journal.sessions,
            turns=totals.turns,
            words=totals.words,
            languages={code: ms / 1000 for code, ms in totals.language_ms.items()},
        )
    )


def _end_of(result: FileResult, records: Sequence[JournalRecord]) -> tuple[ExitStatus, str]:
    """The exit code of a file's run, and why, in words."""
    codes = [record.get("exit_code") for record in records if record["type"] == "Error"]
    cut_off = bool(result.content) and not result.ended
    status = of_journal(codes, complete=result.complete, cut_off=cut_off)
    if not status:
        return status, ""
    return status, "cut off" if cut_off else "incomplete" if result.content else "failed"


def _tell_ends(notices: Notices, merged: _Merged, missing: Sequence[str]) -> None:
    reasons: dict[str, list[str]] = {}
    for name, status, why in merged.ends:
        if status:
            reasons.setdefault(why, []).append(name)
    done = sum(1 for _, status, _ in merged.ends if not status)
    parts = [f"{done} of {len(merged.ends)} files complete"]
    parts += [f"{why}: {', '.join(names)}" for why, names in reasons.items()]
    parts += [f"not there: {what}" for what in missing]
    tell = notices.warning if reasons or missing else notices.note
    tell("; ".join(parts))
