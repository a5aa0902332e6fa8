"""Answers `GET /v3/token`: query and key in, HTTP status and JSON out. Pure.

Source: page "Authenticate with a temporary token"; the shape of a refusal (422 with `detail`) is
what the live service sends.
"""

from typing import Any
from urllib.parse import parse_qsl

from transcribe_cli.emulator.key_checks import KeyChecks
from transcribe_cli.emulator.service_options import MAX_SESSION_S

_EXPIRES_IN_S = (1, 600)
_MAX_SESSION_S = (60, MAX_SESSION_S)


def answer_token_request(
    query: str, authorization: str | None, keys: KeyChecks, unix_time: float
) -> tuple[int, dict[str, Any]]:
    """The HTTP status and the body of the answer."""
    asked = dict(parse_qsl(query, keep_blank_values=True))
    problems: list[dict[str, Any]] = []
    expires_in_s = _read(asked, "expires_in_seconds", _EXPIRES_IN_S, None, problems)
    max_session_s = _read(
        asked, "max_session_duration_seconds", _MAX_SESSION_S, MAX_SESSION_S, problems
    )
    if authorization is None and keys.needed:
        problems.append(_missing("header", "authorization"))
    if problems:
        return 422, {"detail": problems}
    key = (authorization or "").removeprefix("Bearer ")  # this endpoint takes it either way
    if not keys.accepts_key(key):
        error = "Unauthorized Connection: Invalid API key"
        return 401, {"error": error, "code": "unauthorized", "details": {}}
    token = keys.make_token(unix_time, expires_in_s, max_session_s)
    return 200, {"token": token, "expires_in_seconds": expires_in_s}


def _read(
    asked: dict[str, str],
    name: str,
    limits: tuple[int, int],
    default: int | None,
    problems: list[dict[str, Any]],
) -> int:
    """Read one number of the query; problems are appended to `problems`."""
    low, high = limits
    given = asked.get(name)
    if given is None:
        if default is None:
            problems.append(_missing("query", name))
        return default or 0
    try:
        value = int(given)
    except ValueError:
        said = "Input should be a valid integer, unable to parse string as an integer"
        problems.append(
            {"type": "int_parsing", "loc": ["query", name], "msg": said, "input": given}
        )
        return 0
    for kind, bound, text, wrong in (
        ("greater_than_equal", {"ge": low}, f"greater than or equal to {low}", value < low),
        ("less_than_equal", {"le": high}, f"less than or equal to {high}", value > high),
    ):
        if wrong:
            problems.append(
                {
                    "type": kind,
                    "loc": ["query", name],
                    "msg": f"Input should be {text}",
                    "input": given,
                    "ctx": bound,
                }
            )
    return value


def _missing(place: str, name: str) -> dict[str, Any]:
    return {"type": "missing", "loc": [place, name], "msg": "Field required", "input": None}
