"""Which service a command's sessions are opened on; with `--local`, starts it."""

import contextlib
from collections.abc import Iterator

from transcribe_cli import __version__
from transcribe_cli.errors import UsageError
from transcribe_cli.protocol.endpoint import resolve_endpoint, session_url, without_credentials
from transcribe_cli.protocol.parameters import encode_query
from transcribe_cli.redaction import redact
from transcribe_cli.run.config import Service
from transcribe_cli.session.session import Target
from transcribe_cli.settings.credentials import Credentials, find_credentials, webhook_secret
from transcribe_cli.settings.dotenv import notes_on_variables, settings_in_dotenv
from transcribe_cli.settings.environment import Environment
from transcribe_cli.settings.run_options import RunOptions
from transcribe_cli.settings.session_parameters import Parameters, option_of
from transcribe_cli.ui.notices import Notices

API_VERSION = "2025-05-12"
# What its engine goes by; the other parameters are accepted and without effect, as on the service.
_LOCAL_PARAMETERS = frozenset(
    """speech_model sample_rate encoding format_turns language_detection include_partial_turns
    acknowledge_silence min_turn_silence max_turn_silence end_of_turn_confidence_threshold
    vad_threshold mode inactivity_timeout session_heartbeat""".split()
)
_LANGUAGES = frozenset(("language_code", "language_codes"))  # for engines of several


@contextlib.contextmanager
def open_service(
    options: RunOptions,
    environment: Environment,
    parameters: Parameters,
    notices: Notices,
    starting: contextlib.AbstractContextManager[None] | None = None,
) -> Iterator[Service]:
    """Find the service that the options name; a local one runs until the end of the context.

    Args:
        starting: open while a local one starts.

    Says what of a `.env` is ignored, and with `--verbose` which credential is used.

    Raises:
        StreamError: no key, a bad endpoint, the local service cannot start.
    """
    for note in (
        *settings_in_dotenv(environment).notes,
        *notes_on_variables(environment.variables),
    ):
        notices.note(note)
    engine = engine_title = ""
    with contextlib.ExitStack() as stack:
        if options.local:
            from transcribe_cli.emulator.engine_settings import SPEAKERS, engine_settings_of
            from transcribe_cli.emulator.local_service import LocalService
            from transcribe_cli.jobs.local_models import choose_or_fetch

            wanted = engine_settings_of(parameters.query)
            chosen = choose_or_fetch(environment, options.engine, wanted.is_multilingual)
            taken = _LOCAL_PARAMETERS | (_LANGUAGES if chosen.info.multilingual else set())
            if idle := sorted(parameters.query.keys() - taken):
                names = ", ".join(option_of(name) for name in idle)
                notices.note(f"--local takes no notice of {names}")
            # Asked for speakers that it does not tell apart, it would name each turn's UNKNOWN.
            asked_for = {k: v for k, v in parameters.query.items() if k not in SPEAKERS}
            parameters = parameters._replace(query=asked_for)
            missed = "" if options.engine else chosen.fallback_note(wanted.is_multilingual)
            if missed:
                notices.note(missed)
            engine = chosen.asked
            engine_title = f"{chosen.title}, local, {chosen.info.languages}"
            with starting or contextlib.nullcontext():
                endpoint = stack.enter_context(LocalService("--engine", engine)).url
            credentials = Credentials()
        else:
            endpoint = resolve_endpoint(options.region.value, options.endpoint)
            credentials = find_credentials(environment, endpoint)
        notices.debug(f"credential: {credentials}")
        asked = encode_query(parameters.query)
        secret = webhook_secret(environment, options.param or (), parameters.query)
        if redact(asked) != asked:  # it would be kept with the recording
            raise UsageError(
                "A parameter holds the key or a secret.", "leave it out: it is sent anyway"
            )
        query = parameters.query | credentials.query() | secret
        headers = {
            "User-Agent": f"aai-stream/{__version__}",
            "AssemblyAI-Version": API_VERSION,
        } | credentials.headers()
        yield Service(
            without_credentials(endpoint),
            Target(session_url(endpoint, query), headers),
            parameters,
            options.local,
            engine,
            engine_title,
        )


def most_local_jobs(engine: str | None) -> int:
    """How many recordings at once the local service takes on this machine.

    Each recording may have two sessions, while one takes over from the other. A file is recognised
    as fast as possible, so these keep all processors busy.
    """
    from transcribe_cli.emulator.engines.registry import (
        MissingModel,
        choose_engine,
        speech_engines,
    )
    from transcribe_cli.emulator.session_limits import LEAST, most_sessions
    from transcribe_cli.system.machine_resources import memory_bytes, processors

    try:
        info = choose_engine(engine).info
    except MissingModel as missing:  # it is offered when the service is opened
        info = speech_engines()[missing.model.partition(":")[0]]
    return most_sessions(info.needs, processors(), memory_bytes()) // LEAST
