"""What a client sent, without its keys, tokens and passwords: what is kept or logged. Pure."""

import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qsl, unquote_plus, urlencode

import msgspec

from transcribe_cli.protocol.codec import NOT_JSON
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
_KEY_LENGTH = 20  # the least
_KEY_PART = re.compile(r"[^\W_]{12,}")  # names of models have shorter ones
_COUNT = re.compile("tokens|token_?count", re.IGNORECASE)
# Each text is taken whole, closed or not, so that nothing is looked at twice.
_FIELD = re.compile(
    r'"(?P<name>(?:[^"\\]|\\.)*+)"?'
    r'(?P<colon>\s*+:\s*+)?(?(colon)(?P<value>"(?:[^"\\]|\\.)*+"?|[\[{]|[^\s,{}\[\]"]++)?)',
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
    asked: dict[str, Any] = {}
    for name, text in parse_qsl(query, keep_blank_values=True):
        if name in PARAMETERS:
            value, before = as_typed(name, text), asked.get(name)
            if isinstance(value, list) and isinstance(before, list):
                value = [*before, *value]
            asked[name] = value
    return without_secrets(asked)


def query_without_secrets(query: str) -> str:
    """A query as it was sent but for its secrets; what has no value is perhaps a key, no name.

    >>> query_without_secrets("0123456789abcdef&speechModel=u3-rt-pro&token=abc")
    '[secret]&speechModel=u3-rt-pro&token=[secret]'
    """
    return "&".join(map(_part_without_secrets, query.split("&")))


def _part_without_secrets(part: str) -> str:
    """One name and its value, or what stands for them."""
    sent_name, equals, sent_value = part.partition("=")
    if not equals:
        return part if not part or part in PARAMETERS else SECRET
    name, value = unquote_plus(sent_name), unquote_plus(sent_value)
    if is_secret(name) or (name not in PARAMETERS and _is_like_a_key(value)):
        return f"{sent_name}={SECRET}"
    if name == _WEBHOOK:
        return urlencode({name: _without_userinfo_and_query(value)}, safe="[]:/@?")
    return part


def _is_like_a_key(value: str) -> bool:
    """Whether something long in it has a long part without hyphens, and a digit there.

    >>> [_is_like_a_key(v) for v in ("universal-3-7-preview", "sk-0123456789abcdef0")]
    [False, True]
    """
    words = (word for word in value.split() if len(word) >= _KEY_LENGTH)
    parts = (part for word in words for part in _KEY_PART.findall(word))
    return any(character.isdigit() for part in parts for character in part)


def headers_without_secrets(headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """The headers of a request, each credential replaced."""
    return [(name, SECRET if is_secret(name) else value) for name, value in headers]


def message_without_secrets(text: str) -> str:
    """A text message, JSON or nearly so. Without secrets it is as it came, for tests to compare;
    else the same JSON, perhaps with other spaces.

    >>> message_without_secrets('{"type":"KeepAlive", "api_key": "abc"}')
    '{"type":"KeepAlive","api_key":"[secret]"}'
    """
    with suppress(*NOT_JSON):
        said = msgspec.json.decode(text)
        if _hide_in(said):
            text = msgspec.json.encode(said).decode()
    return _without_fields(text)  # also of JSON: of a name that comes twice, only one was read


def _hide_in(said: Any) -> bool:
    """Replace what is a credential in decoded JSON; returns whether anything was."""
    hidden, rest = False, [said]
    while rest:
        value = rest.pop()
        if isinstance(value, list):
            rest += value
        elif isinstance(value, dict):
            for name, inner in value.items():
                if _is_credential(name, inner):
                    value[name], hidden = SECRET, True
                else:
                    rest.append(inner)
    return hidden


def _is_credential(name: str, value: Any) -> bool:
    """Whether a field is one, perhaps; a number of tokens is none."""
    if value is None or isinstance(value, bool):
        return False
    is_count = isinstance(value, int | float) and _COUNT.search(name)
    return is_secret(name) and not is_count


def _without_fields(text: str) -> str:
    """A text with fields like those of JSON, without the values of secret ones.

    Where such a value is a list or an object that may be broken, nothing after it is kept.
    """
    kept, at = "", 0
    for field in _FIELD.finditer(text):
        value = field["value"]
        if value is None or not _is_credential(field["name"], _read(value)):
            continue
        kept += f'{text[at : field.start("value")]}"{SECRET}"'
        at = field.end()
        if value in ("[", "{"):
            return kept
    return kept + text[at:]


def _read(value: str) -> Any:
    """What a simple value of JSON is; what is none stays as it is."""
    with suppress(*NOT_JSON):
        return msgspec.json.decode(value)
    return value


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
