"""`aai-stream token`: make a temporary token."""

from typing import Annotated

from msgspec import Struct

from transcribe_cli.errors import ServiceError
from transcribe_cli.exit_status import ExitStatus
from transcribe_cli.protocol.endpoint import resolve_endpoint
from transcribe_cli.redaction import redact
from transcribe_cli.settings.credentials import Credentials, find_credentials
from transcribe_cli.settings.environment import Environment
from transcribe_cli.settings.option_types import EndpointOption, Option, Region


class TokenOptions(Struct, frozen=True, kw_only=True):
    """Options of `token`."""

    expires_in: Annotated[
        int, Option("Sessions can be opened for so long.", least=1, most=600, metavar="S")
    ] = 60
    max_session: Annotated[
        int | None, Option("Each may last so long.", least=60, most=10800, metavar="S")
    ] = None
    region: Annotated[Region, Option("Of the service.", variable="region")] = Region.DEFAULT
    endpoint: EndpointOption = None


def token(options: TokenOptions, environment: Environment) -> ExitStatus:
    """Write a new token, and nothing else, to standard output."""
    from transcribe_cli.session.token import fetch_token

    endpoint = resolve_endpoint(options.region.value, options.endpoint)
    # A token cannot make another one: only the key counts here.
    key = find_credentials(environment, endpoint, with_token=False).key
    made = fetch_token(
        endpoint, Credentials(key).headers(), options.expires_in, options.max_session
    )
    if redact(made) != made:
        raise ServiceError(
            "The service answered with the key, and made no token.", "check --endpoint"
        )
    environment.write(made + "\n")
    return ExitStatus.OK
