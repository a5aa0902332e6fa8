"""The service that a command's sessions are opened on, started first where it is the local one."""

import contextlib
from collections.abc import Iterator
from typing import NamedTuple

from transcribe_cli import __version__
from transcribe_cli.commands.options import RunOptions
from transcribe_cli.config import Credentials, Parameters, find_credentials, resolve_endpoint
from transcribe_cli.environment import Environment
from transcribe_cli.protocol.endpoint import session_url
from transcribe_cli.session.session import Target

API_VERSION = "2025-05-12"


class Service(NamedTuple):
    """Where sessions are opened, settled and checked."""

    endpoint: str
    target: Target
    parameters: Parameters
    local: bool


@contextlib.contextmanager
def open_service(
    options: RunOptions, environment: Environment, parameters: Parameters
) -> Iterator[Service]:
    """The service that the options name; a local one runs until the end of the context.

    Raises:
        StreamError: no key, a bad endpoint, the local service cannot start.
    """
    with contextlib.ExitStack() as stack:
        if options.local:
            from transcribe_cli.service.child import LocalService

            endpoint = stack.enter_context(LocalService()).url
            credentials = Credentials()
        else:
            endpoint = resolve_endpoint(options.region.value, options.endpoint)
            credentials = find_credentials(environment, endpoint)
        query = parameters.query | credentials.query()
        headers = {
            "User-Agent": f"aai-stream/{__version__}",
            "AssemblyAI-Version": API_VERSION,
        } | credentials.headers()
        yield Service(
            endpoint,
            Target(session_url(endpoint, query), headers),
            parameters,
            options.local,
        )
