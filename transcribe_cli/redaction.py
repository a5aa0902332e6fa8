"""Our own key and token, taken out of whatever comes from outside before it is shown or kept.

A service, a proxy or a library may repeat what it was sent: plain, or written as URLs, JSON, HTML
and HTTP's Basic scheme write it. Whoever finds a credential calls `keep_secret`; from then on no
error, notice or message of the service holds it.
"""

import re

MARK = "[key]"
"""What stands in its place; safe within a string of JSON."""

LEAST_CHARACTERS = 6
"""Shorter ones are no credential of the service (32 hexadecimal digits), but parts of words."""

_TURN_AT_THE_END, _TURN_AT_THE_START = b'"type":"Turn"}', b'{"type":"Turn",'


class _Forms:
    """How secrets may be written.

    Attributes:
        cores: of each secret a part that URLs, JSON and HTML leave as it is.
        texts: every form, the longest first.
    """

    def __init__(self, secrets: frozenset[str]) -> None:
        self.secrets = secrets
        self.cores = tuple(_core(secret) for secret in sorted(secrets))
        forms = set().union(*map(_forms_of, secrets))
        self.texts = tuple(sorted(forms, key=lambda form: (-len(form), form)))
        self.bytes = tuple(form.encode() for form in self.texts)


def keep_secret(*secrets: str | None) -> None:
    """From now on these are taken out; what is empty or too short to be a credential is not."""
    global _known
    found = {s for s in secrets if s is not None and len(s) >= LEAST_CHARACTERS and s.isascii()}
    if not found <= _known.secrets:
        _known = _Forms(_known.secrets | found)


def forget_secrets() -> None:
    """As at the start of the program; for tests."""
    global _known
    _known = _Forms(frozenset())


def redact(text: str) -> str:
    """A text from outside without our key and token."""
    for form in _known.texts:
        if form in text:
            text = text.replace(form, MARK)
    return text


def redact_message(data: bytes) -> bytes:
    """The same for a message of the service, before it is decoded.

    Many Turns a second come in: of one that does not hold the key itself, or a part of it, nothing
    else is looked at.
    """
    known = _known
    if known.cores and b"\\u00" in data:
        data = _without_needless_escapes(data)
    for core in known.cores:
        if core in data:
            break
    else:
        if data.endswith(_TURN_AT_THE_END) or data.startswith(_TURN_AT_THE_START):
            return data
    for form in known.bytes:
        if form in data:
            data = data.replace(form, MARK.encode())
    return data


def _without_needless_escapes(data: bytes) -> bytes:
    """The same JSON; no letter or digit that could stand for itself is written as `\\u0041`."""

    def plain(found: re.Match[bytes]) -> bytes:
        char = bytes((int(found[1], 16),)) if found[1] else b""
        return char if char.isalnum() else found[0]

    # Each backslash with what it escapes, so that one that is itself escaped begins nothing.
    return re.sub(rb"\\(?:u00([3-7][0-9A-Fa-f])|.)", plain, data, flags=re.DOTALL)


def _core(secret: str) -> bytes:
    """Its longest run of letters and digits, or all of it where there is hardly one."""
    longest = max(re.findall(r"[0-9A-Za-z]+", secret), key=len, default="")
    return (longest if len(longest) >= LEAST_CHARACTERS else secret).encode()


def _forms_of(secret: str) -> set[str]:
    # Every command imports this module, and few have a key.
    import html
    import json
    from urllib.parse import quote, quote_plus

    forms: set[str] = set()
    for text in (secret, secret.lower(), secret.upper()):
        in_json = json.dumps(text)[1:-1]
        escaped = re.sub(r"[^0-9A-Za-z]", lambda found: f"\\u{ord(found[0]):04x}", text)
        shouted = re.sub(r"[^0-9A-Za-z]", lambda found: f"\\u{ord(found[0]):04X}", text)
        forms |= {text, in_json, in_json.replace("/", "\\/"), escaped, shouted}
        forms |= {html.escape(text), html.escape(text, quote=False), repr(text)[1:-1]}
        for in_url in (quote(text), quote(text, safe=""), quote_plus(text)):
            lowered = re.sub(r"%[0-9A-F]{2}", lambda found: found[0].lower(), in_url)
            forms |= {in_url, lowered}
    for offset in range(3):
        in_base64 = _in_base64(secret, offset)
        forms |= {in_base64, in_base64.replace("+", "-").replace("/", "_")}
    return forms


def _in_base64(secret: str, offset: int) -> str:
    """What base64 makes of it, so many bytes (modulo 3) into a text, whatever stands beside it."""
    from base64 import b64encode

    encoded = b64encode(bytes(offset) + secret.encode()).decode().rstrip("=")
    whole = (offset + len(secret)) * 8 // 6  # those after it depend on what follows
    return encoded[(offset * 8 + 5) // 6 : whole]


_known = _Forms(frozenset())
