"""What a client sent, without its keys, tokens and passwords: what is kept or logged. Pure."""

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode

from transcribe_cli.protocol.parameters import PARAMETERS, SECRET_PARAMETERS, as_typed

SECRET = "[secret]"  # nosec B105

_WEBHOOK = "webhook_url"
_URL = re.compile(
    r"(?P<scheme>[a-z]+://)?+(?P<user>[^/?#]*@)?(?P<host>(\[[^\]@]*\]|[^@/?#:]*)(:\d*)?)"
    r"(?P<path>/[^?#]*)?(?P<query>[?#].*)?",
    re.IGNORECASE | re.DOTALL,
)
_SECRET_NAME = re.compile(
    "auth(?!or(?!i))|cookie|credential|passw|passphrase|pwd|secret|signature|token|bearer|jwt"
    "|(^|[^a-z])keys?($|[^a-z])|api_?key",
    re.IGNORECASE,
)
_HUMP = re.compile("(?<=[a-z0-9])(?=[A-Z])")
_NO_SECRETS = frozenset(("sec-websocket-key",))  # RFC 6455: it proves nothing and opens nothing
_LIKE_A_KEY = re.compile(r"(?=\S*\d)\S{20,}")
# Each text is taken whole, closed or not, so that nothing is looked at twice.
_FIELD = re.compile(
    r'"(?P<name>(?:[^"\\]|\\.)*+)"?'
    r'(?P<colon>\s*+:\s*+)?(?(colon)(?P<value>"(?:[^"\\]|\\.)*+"?|\[[^\[\]{}]*+\]?|[^\s,{}\[\]"]++)?)',
    re.DOTALL,
)


def is_secret(name: str) -> bool:
    """Whether what has such a name is a credential, perhaps.

    >>> [is_secret(name) for name in ("X-Api-Key", "apiKey", "Proxy-Authorization", "tokens")]
    [True, True, True, True]
    >>> [is_secret(name) for name in ("keyterms_prompt", "webhook_auth_header_name", "Host")]
    [False, False, False]
    """
    if name in PARAMETERS:
        return name in SECRET_PARAMETERS
    return name.lower() not in _NO_SECRETS and bool(_SECRET_NAME.search(_HUMP.sub("_", name)))


def without_secrets(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of a session without its credentials, those in a webhook's address too."""
    kept = {name: value for name, value in parameters.items() if name not in SECRET_PARAMETERS}
    if _WEBHOOK in kept:
        kept[_WEBHOOK] = _without_userinfo_and_query(kept[_WEBHOOK])
    return kept


def asked_by(query: str) -> dict[str, Any]:
    """The known parameters of a query, perhaps a refused one: what is wrong is as it was sent.

    >>> asked_by("sample_rate=8000&min_turn_silence=fast&token=x&speechModel=y")
    {'sample_rate': 8000, 'min_turn_silence': 'fast'}
    """
    pairs = parse_qsl(query, keep_blank_values=True)
    return without_secrets({name: as_typed(name, v) for name, v in pairs if name in PARAMETERS})


def query_without_secrets(query: str) -> str:
    """A query as it was sent, for people; what has no value is no name, but perhaps a key.

    >>> query_without_secrets("0123456789abcdef&speechModel=u3-rt-pro&token=abc")
    '[secret]&speechModel=u3-rt-pro&token=[secret]'
    """
    parts = []
    for part in filter(None, query.split("&")):
        pairs = parse_qsl(part, keep_blank_values=True)
        if "=" not in part or not pairs:
            parts.append(part if part in PARAMETERS else SECRET)
            continue
        (name, value), *_ = pairs
        hidden = is_secret(name) or (name not in PARAMETERS and _LIKE_A_KEY.search(value))
        if name == _WEBHOOK:
            value = _without_userinfo_and_query(value)
        parts.append(urlencode({name: SECRET if hidden else value}, safe="[]:/@?"))
    return "&".join(parts)


def headers_without_secrets(headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """The headers of a request, each credential replaced."""
    return [(name, SECRET if is_secret(name) else value) for name, value in headers]


def message_without_secrets(text: str) -> str:
    """A text message, JSON or nearly so: else as it came, so that tests may compare it.

    >>> message_without_secrets('{"type":"KeepAlive", "api_key": "abc"}')
    '{"type":"KeepAlive", "api_key": "[secret]"}'
    """
    return _FIELD.sub(_hidden, text)


def _hidden(field: re.Match[str]) -> str:
    if field["value"] is None or not is_secret(field["name"]):
        return field[0]
    return f'"{field["name"]}"{field["colon"]}"{SECRET}"'


def _without_userinfo_and_query(url: str) -> str:
    """A URL whose user, password and query are replaced.

    >>> _without_userinfo_and_query("https://ann:pw@example.com/hook?token=x")
    'https://[secret]@example.com/hook?[secret]'
    """
    found = _URL.fullmatch(url)
    if found is None or "@" in (found["path"] or ""):  # a password may hold what it should not
        return SECRET
    user = f"{SECRET}@" if found["user"] else ""
    query = f"?{SECRET}" if found["query"] else ""
    return f"{found['scheme'] or ''}{user}{found['host']}{found['path'] or ''}{query}"
