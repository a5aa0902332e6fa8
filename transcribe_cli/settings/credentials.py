"""The key or the token: where it is looked for, and to whom it may go."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from transcribe_cli.errors import AccountError, UsageError
from transcribe_cli.protocol.endpoint import host_of, is_loopback
from transcribe_cli.protocol.parameters import WEBHOOK_SECRET
from transcribe_cli.redaction import keep_secret
from transcribe_cli.settings.dotenv import settings_in_dotenv
from transcribe_cli.settings.environment import (
    APP,
    KEY_VARIABLE,
    TOKEN_VARIABLE,
    WEBHOOK_SECRET_VARIABLE,
    Environment,
    credentials_in,
)

_KEYRING_SERVICE = APP


@dataclass(frozen=True, repr=False)
class Credentials:
    """A key or a temporary token; neither shows in a `repr`.

    Attributes:
        found_in: where, in words; empty where there is none.
    """

    key: str | None = None
    token: str | None = None
    found_in: str = ""

    def headers(self) -> dict[str, str]:
        """The HTTP headers of the upgrade (page "Streaming quickstart": no Bearer prefix)."""
        return {"Authorization": self.key} if self.key and not self.token else {}

    def query(self) -> dict[str, str]:
        """The query parameters of the upgrade."""
        return {"token": self.token} if self.token else {}

    def __str__(self) -> str:
        """Which one is used, and where it came from.

        >>> str(Credentials("0123", found_in="the system keyring"))
        'the key from the system keyring'
        """
        if self.token:
            return f"a temporary token from {self.found_in}"
        return f"the key from {self.found_in}" if self.key else "no key"


def find_credentials(
    environment: Environment, endpoint: str, *, with_token: bool = True
) -> Credentials:
    """The token or the key, from the environment, else `.env`, else the system keyring.

    `with_token`: a temporary token will do.

    Raises:
        UsageError: they would go over the network unencrypted.
        AccountError: there is none, and the endpoint is not on this machine.
    """
    if not is_loopback(endpoint) and not endpoint.startswith("wss:"):
        raise UsageError(
            f"To {host_of(endpoint)} the key would go unencrypted.", "use wss:// instead of ws://"
        )
    found = _find(environment, with_token=with_token, keyring=not is_loopback(endpoint))
    secret = (found.key or "") + (found.token or "")
    if not secret and not is_loopback(endpoint):
        raise AccountError(
            "There is no API key.",
            _way_to_a_key(environment, or_local=with_token),
        )
    if not (secret.isascii() and (secret.isprintable() or not secret)):
        raise AccountError(
            "The API key holds a character that cannot be in a key.", f"set {KEY_VARIABLE} again"
        )
    return found


def _way_to_a_key(environment: Environment, *, or_local: bool) -> str:
    """What to do without a key; a variable that is meant to hold it may have another name."""
    for name in environment.variables:
        if name != KEY_VARIABLE and "API_KEY" in name and re.match("AAI|ASSEMBLY", name):
            return f"{name} is set; the name is {KEY_VARIABLE}"
    if or_local:
        return f"set {KEY_VARIABLE}, write it into .env, or try --local, which needs none"
    return f"set {KEY_VARIABLE}, or write it into .env"


def _find(environment: Environment, *, with_token: bool, keyring: bool) -> Credentials:
    dotenv = settings_in_dotenv(environment)
    in_environment = credentials_in(environment.variables)
    keep_secret(*in_environment.values(), *dotenv.credentials.values())
    for values in (in_environment, dotenv.credentials):
        key = values.get(KEY_VARIABLE)
        token = values.get(TOKEN_VARIABLE) if with_token else None
        if key or token:
            variable = TOKEN_VARIABLE if token else KEY_VARIABLE
            of_environment = values is in_environment
            place = f"{variable} in the environment" if of_environment else str(dotenv.path)
            return Credentials(key, token, place)
    key = _key_from_keyring() if keyring else ""
    keep_secret(key)
    return Credentials(key, None, "the system keyring") if key else Credentials()


def webhook_secret(
    environment: Environment, params: Sequence[str], query: Mapping[str, object]
) -> dict[str, str]:
    """The parameter that holds the secret of a webhook's header, where one is asked for.

    It goes to the service with the key, and nowhere else.

    Args:
        params: the pairs of `--param`, of which one may name a file that holds it.
        query: the other parameters of the connection.

    Raises:
        UsageError: the file cannot be read, or there is no webhook; the secret is in no message.
    """
    mark = f"{WEBHOOK_SECRET}=@"
    named = [pair.strip()[len(mark) :] for pair in params if pair.strip().startswith(mark)]
    if named:
        if "webhook_url" not in query:
            raise UsageError(
                f"--param {WEBHOOK_SECRET} has no effect without a webhook.",
                "add --param webhook_url=URL",
            )
        place, secret = f"'{named[-1]}'", _text_of(named[-1])
    else:
        place = WEBHOOK_SECRET_VARIABLE
        secret = environment.variables.get(WEBHOOK_SECRET_VARIABLE, "").strip()
    keep_secret(secret)
    if "webhook_url" not in query or (not secret and not named):
        return {}
    if not (secret and secret.isascii() and secret.isprintable()):
        raise UsageError(f"{place} holds no value of a header.", "one line, of letters and signs")
    return {WEBHOOK_SECRET: secret}


def _text_of(path: str) -> str:
    try:
        text = Path(path).expanduser().read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as e:
        raise UsageError(
            f"'{path}' cannot be read: {getattr(e, 'strerror', None) or 'it is no text'}.",
            f"it is named by --param {WEBHOOK_SECRET}",
        ) from e
    return text.strip()


def _key_from_keyring() -> str:
    try:
        import keyring  # type: ignore[import-not-found, unused-ignore]
    except ImportError:
        return ""
    try:
        return str(keyring.get_password(_KEYRING_SERVICE, KEY_VARIABLE) or "").strip()
    except Exception:  # a locked or broken keyring is as good as none
        return ""
