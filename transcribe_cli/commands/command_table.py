"""Every command: the heading it is under, its help, and what adds it to Typer's application.

What a command does is imported when it is built or run, so that the others cost nothing.
"""

from collections.abc import Callable, Collection
from typing import Annotated, Any, NamedTuple

from transcribe_cli import PROGRAM, __version__


def make_command(environment: Any, asked: Collection[str] = ()) -> Any:
    """The program's commands, as Typer makes them.

    Args:
        asked: those that are built, with their options; of the others there is the help's sentence.
            None of them: all are built.
    """
    import typer

    from transcribe_cli.commands.typer_commands import Command, Group

    app = typer.Typer(
        name=PROGRAM,
        cls=Group,
        help="Transcribe a microphone or a file in real time.",
        no_args_is_help=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )

    def version(asked: bool) -> None:
        if asked:
            environment.write(f"{PROGRAM} {__version__}\n")
            raise typer.Exit

    @app.callback()
    def top(
        version: Annotated[
            bool,
            typer.Option("--version", help="Say the version.", callback=version, is_eager=True),
        ] = False,
    ) -> None:
        pass

    for name in asked or COMMANDS:
        if name in COMMANDS:
            COMMANDS[name].add(app, environment)
    group: Any = typer.main.get_command(app)
    built = dict(group.commands)
    for name, row in COMMANDS.items():
        group.commands.pop(name, None)
        group.commands[name] = built.get(name) or Command(
            name=name, help=row.help, rich_help_panel=row.panel
        )
    return group


def _register(app: Any, name: str, **attributes: Any) -> Any:
    """What makes a function the command of that name."""
    from transcribe_cli.commands.typer_commands import Command

    row = COMMANDS[name]
    return app.command(name, cls=Command, help=row.help, rich_help_panel=row.panel, **attributes)


def _add_mic(app: Any, environment: Any) -> None:
    from transcribe_cli.commands.typer_commands import as_command
    from transcribe_cli.settings.mic_options import MicOptions

    def run_mic(options: MicOptions) -> int:
        from transcribe_cli.commands.mic import mic

        return mic(options, environment)

    _register(app, "mic")(as_command(MicOptions, run_mic))


def _add_file(app: Any, environment: Any) -> None:
    from transcribe_cli.commands.typer_commands import as_command
    from transcribe_cli.settings.file_options import FileOptions

    def run_file(options: FileOptions) -> int:
        from transcribe_cli.commands.file import file

        return file(options, environment)

    _register(app, "file")(as_command(FileOptions, run_file))


def _add_devices(app: Any, environment: Any) -> None:
    import typer

    def show(
        as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
        watch: Annotated[
            bool, typer.Option("--watch", help="Show how loud each is, until Ctrl+C.")
        ] = False,
    ) -> int:
        from transcribe_cli.commands.devices import devices

        return devices(environment, as_json=as_json, watch=watch)

    _register(app, "devices")(show)


def _add_models(app: Any, environment: Any) -> None:
    import typer

    def show(
        as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
        verbose: Annotated[
            bool,
            typer.Option("--verbose", "-v", help="Also what --turns means, and what cancels what."),
        ] = False,
        local: Annotated[
            bool, typer.Option("--local", help="What recognises speech on this machine.")
        ] = False,
        fetch: Annotated[
            str | None,
            typer.Option(
                "--fetch", metavar="ENGINE:MODEL", help="Fetch a local model: whisper:base."
            ),
        ] = None,
    ) -> int:
        from transcribe_cli.commands.lists import engines, models

        if fetch is not None:
            from transcribe_cli.jobs.local_models import fetch_named_model

            return fetch_named_model(fetch, environment)
        if local:
            return engines(environment, as_json=as_json)
        return models(environment, as_json=as_json, verbose=verbose)

    _register(app, "models")(show)


def _add_list(name: str) -> Callable[[Any, Any], None]:
    """What adds one of the commands that list something."""

    def add(app: Any, environment: Any) -> None:
        import typer

        def show(
            as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
        ) -> int:
            from transcribe_cli.commands import lists

            command: Callable[..., int] = getattr(lists, name)
            return command(environment, as_json=as_json)

        _register(app, name)(show)

    return add


def _add_recordings(app: Any, environment: Any) -> None:
    import typer

    from transcribe_cli.commands.typer_commands import Command, Group, as_command
    from transcribe_cli.settings.recordings_options import ExportOptions, ResumeOptions
    from transcribe_cli.settings.setting_origins import variable_of

    row = COMMANDS["recordings"]
    group = typer.Typer(cls=Group, help=row.help, rich_markup_mode=None, no_args_is_help=True)
    recording = typer.Argument(help="Its id, the beginning of it, or latest.", metavar="RECORDING")
    save_dir = typer.Option(
        "--save-dir", help="Where recordings are.", metavar="DIR", envvar=variable_of("save_dir")
    )

    def list_all(
        ctx: typer.Context,
        save_dir: Annotated[str | None, save_dir] = None,
        limit: Annotated[
            int | None,
            typer.Option(
                "--limit", min=1, metavar="N", help="The newest N. [default: 20 on a terminal]"
            ),
        ] = None,
        since: Annotated[
            str | None,
            typer.Option("--since", metavar="WHEN", help="A date, or how long ago: 7d, 12h."),
        ] = None,
        as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    ) -> int:
        from transcribe_cli.commands.recordings_list import list_recordings

        source = ctx.get_parameter_source("save_dir")
        typed = source is not None and source.name == "COMMANDLINE"
        return list_recordings(
            environment, save_dir, typed=typed, limit=limit, since=since, as_json=as_json
        )

    group.command("list", cls=Command, help="List them with their first words, the newest last.")(
        list_all
    )

    def show(
        recordings: Annotated[list[str], recording],
        save_dir: Annotated[str | None, save_dir] = None,
    ) -> int:
        from transcribe_cli.commands.recordings import show

        return show(environment, save_dir, recordings)

    group.command("show", cls=Command, help="What each is, and its transcript.")(show)

    def recover(
        recording: Annotated[str, recording], save_dir: Annotated[str | None, save_dir] = None
    ) -> int:
        from transcribe_cli.commands.recordings import mend

        return mend(environment, save_dir, recording)

    group.command("recover", cls=Command, help="Make its files whole again after a crash.")(recover)

    def remove(
        recordings: Annotated[list[str], recording],
        save_dir: Annotated[str | None, save_dir] = None,
        yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    ) -> int:
        from transcribe_cli.commands.recordings import remove

        return remove(environment, save_dir, recordings, yes=yes)

    group.command(
        "rm", cls=Command, help="Delete them for good; asks about a part of an id, and latest."
    )(remove)

    def run_resume(options: ResumeOptions) -> int:
        """Transcribe what has no final words yet."""
        from transcribe_cli.commands.recordings import resume

        return resume(environment, options)

    group.command("resume", cls=Command)(as_command(ResumeOptions, run_resume))

    def run_export(options: ExportOptions) -> int:
        """Make its outputs in any format, as the run itself does; without -o, text on stdout."""
        from transcribe_cli.commands.export import export

        return export(environment, options)

    group.command("export", cls=Command)(as_command(ExportOptions, run_export))
    app.add_typer(group, name="recordings", rich_help_panel=row.panel)


def _add_merge(app: Any, environment: Any) -> None:
    from transcribe_cli.commands.merge import MergeOptions, merge
    from transcribe_cli.commands.typer_commands import as_command

    def run_merge(options: MergeOptions) -> int:
        return merge(environment, options)

    _register(app, "merge")(as_command(MergeOptions, run_merge))


def _add_token(app: Any, environment: Any) -> None:
    from transcribe_cli.commands.token import TokenOptions, token
    from transcribe_cli.commands.typer_commands import as_command

    def run_token(options: TokenOptions) -> int:
        return token(options, environment)

    _register(app, "token")(as_command(TokenOptions, run_token))


def _add_replay(app: Any, environment: Any) -> None:
    from transcribe_cli.commands.replay import ReplayOptions, replay
    from transcribe_cli.commands.typer_commands import as_command

    def run_replay(options: ReplayOptions) -> int:
        return replay(environment, options)

    _register(app, "replay")(as_command(ReplayOptions, run_replay))


def _add_doctor(app: Any, environment: Any) -> None:
    from transcribe_cli.commands.doctor import DoctorOptions, doctor
    from transcribe_cli.commands.typer_commands import as_command

    def run_doctor(options: DoctorOptions) -> int:
        return doctor(options, environment)

    _register(app, "doctor")(as_command(DoctorOptions, run_doctor))


def _add_serve(app: Any, environment: Any) -> None:
    from transcribe_cli.commands.serve import FAULTS_HELP, ServeOptions, serve
    from transcribe_cli.commands.typer_commands import as_command

    def run_serve(options: ServeOptions) -> int:
        return serve(options, environment)

    serving = _register(app, "serve", epilog=FAULTS_HELP)
    serving(as_command(ServeOptions, run_serve))


class _Row(NamedTuple):
    """A command: the heading it is under, its help, and what adds it to the application."""

    panel: str
    help: str
    add: Callable[[Any, Any], None]


# In the order of the help.
COMMANDS: dict[str, _Row] = {
    "mic": _Row("Transcribe", "Transcribe a microphone until it is stopped.", _add_mic),
    "file": _Row("Transcribe", "Transcribe audio files, or standard input with '-'.", _add_file),
    "recordings": _Row(
        "What was saved",
        "List, show, export, resume, mend and delete what was saved.",
        _add_recordings,
    ),
    "replay": _Row(
        "What was saved",
        "Show a recording again as it happened; without a terminal, write its text.",
        _add_replay,
    ),
    "merge": _Row(
        "What was saved",
        "Make one document, summary and bill of what several machines transcribed.",
        _add_merge,
    ),
    "devices": _Row("What there is", "List the input devices.", _add_devices),
    "models": _Row("What there is", "List the models, and what each does and costs.", _add_models),
    "languages": _Row("What there is", "List the language codes.", _add_list("languages")),
    "doctor": _Row(
        "Set up",
        "Check key, network, audio, disk and terminal, and say how to mend what fails.\n\n"
        "With a key one session is begun and ended at once; about a second of it is billed.",
        _add_doctor,
    ),
    "token": _Row(
        "Set up", "Make a temporary token for a machine that should not have the key.", _add_token
    ),
    "serve": _Row(
        "Set up",
        "Serve the Streaming v3 protocol on this machine, without a key or a network.",
        _add_serve,
    ),
}
