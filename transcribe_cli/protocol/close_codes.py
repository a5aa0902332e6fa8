"""The meaning of every close code and Error text: sentence, hint, exit status, retry. Pure.

The text of the Error message decides first, then the code, because the service has moved texts
between codes (before February 2026 all of 3006 to 3009 were 3005), and 1008 alone has six meanings.
Sources: page "Common session errors and closures", the official SDKs' tables, RFC 6455 section 7.4.
"""

from enum import StrEnum
from typing import NamedTuple

from transcribe_cli.errors import shortened
from transcribe_cli.exit_status import ExitStatus

SEE_ERROR = "See Error message for details"
"""The literal close reason after every Error message."""


class Retry(StrEnum):
    """What a client does next."""

    NO = "no"
    BACK_OFF = "back off"  # a new session after a growing delay
    SLOWLY = "slowly"  # a slot must come free first: seconds, not tenths
    AT_ONCE = "at once"  # this session used up its time; a new one may follow directly


class Verdict(NamedTuple):
    """The explained end of a session."""

    sentence: str
    hint: str
    exit_status: ExitStatus
    retry: Retry


ENGINE_FAILED = "Session Cancelled: The engine failed"
"""The text, sent with 3005 and followed by the cause, of a local service whose engine failed."""

_KEY_HINT = "check ASSEMBLYAI_API_KEY with your AssemblyAI dashboard, under API keys"
_ACCOUNT_HINT = "look at Billing and Account on your AssemblyAI dashboard"
_RETRY_HINT = "nothing is wrong on your side; try again in a moment"
_REPORT_HINT = "this is a fault of this program; please report it with the text above"

_NOT_UNDERSTOOD = Verdict(
    "The service did not understand a message.", _REPORT_HINT, ExitStatus.SERVICE, Retry.NO
)

# (a part of the text, in lower case; the verdict), the most specific first.
_BY_TEXT: tuple[tuple[str, Verdict], ...] = (
    (
        # First, because free text follows it: a path, or a library's message.
        ENGINE_FAILED.lower(),
        Verdict(
            "The local service's engine failed.",
            "choose another with --engine; 'aai-stream models --local' lists them",
            ExitStatus.SERVICE,
            Retry.NO,
        ),
    ),
    (
        "too many concurrent",
        Verdict(
            "The account has, or opened in the last minute, too many sessions.",
            "close other sessions or wait a minute; free accounts may open 5 a minute",
            ExitStatus.SERVICE,
            Retry.SLOWLY,
        ),
    ),
    (
        "missing authorization",
        Verdict(
            "The service was given no API key.",
            "set ASSEMBLYAI_API_KEY, or use --local",
            ExitStatus.ACCOUNT,
            Retry.NO,
        ),
    ),
    (
        "signature has expired",
        Verdict(
            "The temporary token has expired.",
            "make a new one with 'aai-stream token' and set AAI_STREAM_TOKEN",
            ExitStatus.ACCOUNT,
            Retry.NO,
        ),
    ),
    (
        "invalid api key",
        Verdict("The service refused the API key.", _KEY_HINT, ExitStatus.ACCOUNT, Retry.NO),
    ),
    (
        "incorrect padding",
        # A sporadic fault of the service with a valid key (issue 97 of the Node SDK).
        Verdict(
            "The service stumbled over the API key.",
            "try again; if it stays so, check ASSEMBLYAI_API_KEY",
            ExitStatus.ACCOUNT,
            Retry.BACK_OFF,
        ),
    ),
    (
        "unauthorized",
        Verdict("The service refused the account.", _ACCOUNT_HINT, ExitStatus.ACCOUNT, Retry.NO),
    ),
    (
        "insufficient funds",
        Verdict("The account has no credit left.", _ACCOUNT_HINT, ExitStatus.ACCOUNT, Retry.NO),
    ),
    (
        # Not "inactivity" alone, because the parameter `inactivity_timeout` contains it too.
        "due to inactivity",
        Verdict(
            "The service closed the session because it heard nothing for too long.",
            "raise --inactivity-timeout, or leave it out",
            ExitStatus.SERVICE,
            Retry.AT_ONCE,
        ),
    ),
    (
        "transmission rate exceeded",
        Verdict(
            "The service closed the session because audio came faster than real time.",
            "use --pace 1",
            ExitStatus.SERVICE,
            Retry.NO,
        ),
    ),
    (
        "input duration violation",
        Verdict(
            "The service refused a chunk that was not 50 to 1000 ms long.",
            "check --chunk-ms and --sample-rate",
            ExitStatus.SERVICE,
            Retry.NO,
        ),
    ),
    (
        "maximum session duration",
        Verdict(
            "The session reached its longest duration and was closed by the service.",
            "start again to go on; sessions close after 3 hours",
            ExitStatus.SERVICE,
            Retry.AT_ONCE,
        ),
    ),
    ("invalid message", _NOT_UNDERSTOOD),
    ("invalid json:", _NOT_UNDERSTOOD),  # with the colon: a bad list is an "Invalid JSON array"
    (
        "invalid 'speech_model'",
        Verdict(
            "The service does not know the model.",
            "'aai-stream models' lists those that are known here",
            ExitStatus.USAGE,
            Retry.NO,
        ),
    ),
    (
        "user input validation error",
        Verdict(
            "The service refused a parameter.",
            "compare with 'aai-stream models'; --param sends whatever you give it",
            ExitStatus.USAGE,
            Retry.NO,
        ),
    ),
)

_ACCOUNT_REFUSED = Verdict(
    "The service refused the key or the account.", _KEY_HINT, ExitStatus.ACCOUNT, Retry.NO
)
_LOST = Verdict(
    "The connection to the service was lost.",
    "check the network",
    ExitStatus.SERVICE,
    Retry.BACK_OFF,
)

_BY_CODE: dict[int, Verdict] = {
    1000: Verdict(
        "The service closed the session early.", _RETRY_HINT, ExitStatus.SERVICE, Retry.BACK_OFF
    ),
    1001: Verdict("The service is going away.", _RETRY_HINT, ExitStatus.SERVICE, Retry.BACK_OFF),
    1002: Verdict(
        "The service reported a protocol error.", _REPORT_HINT, ExitStatus.SERVICE, Retry.NO
    ),
    1003: Verdict(
        "The service refused the kind of data sent.", _REPORT_HINT, ExitStatus.SERVICE, Retry.NO
    ),
    1006: _LOST,
    1007: Verdict("The service refused the data sent.", _REPORT_HINT, ExitStatus.SERVICE, Retry.NO),
    1008: _ACCOUNT_REFUSED,
    1009: Verdict(
        "A message was too big for the service.", "lower --chunk-ms", ExitStatus.SERVICE, Retry.NO
    ),
    1011: Verdict(
        "The service had an internal error.", _RETRY_HINT, ExitStatus.SERVICE, Retry.BACK_OFF
    ),
    1012: Verdict("The service is restarting.", _RETRY_HINT, ExitStatus.SERVICE, Retry.BACK_OFF),
    1013: Verdict(
        "The service is too busy just now.", _RETRY_HINT, ExitStatus.SERVICE, Retry.BACK_OFF
    ),
    1014: Verdict(
        "A gateway before the service failed.", _RETRY_HINT, ExitStatus.SERVICE, Retry.BACK_OFF
    ),
    3005: Verdict(
        "The service cancelled the session.", _RETRY_HINT, ExitStatus.SERVICE, Retry.BACK_OFF
    ),
    3006: Verdict(
        "The service refused what it was sent.",
        "compare with 'aai-stream models'",
        ExitStatus.USAGE,
        Retry.NO,
    ),
    3007: Verdict(
        "The service refused the audio's chunk length or rate.",
        "check --chunk-ms, --sample-rate and --pace",
        ExitStatus.SERVICE,
        Retry.NO,
    ),
    3008: next(verdict for text, verdict in _BY_TEXT if text == "maximum session duration"),
    3009: next(verdict for text, verdict in _BY_TEXT if text == "too many concurrent"),
    # Codes of the old real-time API that the SDKs still list.
    4001: _ACCOUNT_REFUSED,
    4002: next(verdict for text, verdict in _BY_TEXT if text == "insufficient funds"),
    4003: Verdict(
        "The account's plan does not include this feature.",
        _ACCOUNT_HINT,
        ExitStatus.ACCOUNT,
        Retry.NO,
    ),
    4008: next(verdict for text, verdict in _BY_TEXT if text == "maximum session duration"),
    4029: next(verdict for text, verdict in _BY_TEXT if text == "transmission rate exceeded"),
    4031: next(verdict for text, verdict in _BY_TEXT if text == "due to inactivity"),
    4102: next(verdict for text, verdict in _BY_TEXT if text == "too many concurrent"),
}


_MOST_SAID = 160


def explain_close(code: int | None, error_text: str = "", reason: str = "") -> Verdict:
    """Explain the end of a session that was not requested.

    Args:
        code: the close code, or the Error message's `error_code`; None if there was no close.
        error_text: the Error message's text, if one came.
        reason: the close frame's reason.
    """
    text = error_text or ("" if reason == SEE_ERROR else reason)
    lowered = text.lower()
    found = next((verdict for part, verdict in _BY_TEXT if part in lowered), None)
    if found is None and "session cancelled" in lowered:
        found = _BY_CODE[3005]
    if found is None:
        found = _BY_CODE.get(code if code is not None else 1006)
    if found is None:
        known = f"code {code}"
        found = Verdict(
            f"The service closed the session with {known}.",
            _RETRY_HINT,
            ExitStatus.SERVICE,
            Retry.BACK_OFF if code is not None and code >= 5000 else Retry.NO,
        )
    if ENGINE_FAILED.lower() not in lowered:  # that text is kept whole: it may list all values
        text = shortened(text, _MOST_SAID)
    said = f" (it said: {text}, code {code})" if text else f" (code {code})" if code else ""
    return found._replace(sentence=found.sentence.rstrip(".") + said + ".")


def explain_handshake(http_status: int) -> Verdict:
    """Explain an HTTP answer that refused the WebSocket upgrade."""
    said = f"The service refused the connection with HTTP {http_status}"
    if http_status in (401, 403):
        return Verdict(
            f"{said}.",
            "check ASSEMBLYAI_API_KEY; a firewall, or a region you lack, answers so too",
            ExitStatus.ACCOUNT,
            Retry.NO,
        )
    if http_status == 402:
        return Verdict(f"{said}: payment required.", _ACCOUNT_HINT, ExitStatus.ACCOUNT, Retry.NO)
    if http_status == 429:
        return Verdict(
            f"{said}: too many requests.",
            "wait a minute; free accounts may open 5 sessions a minute",
            ExitStatus.SERVICE,
            Retry.SLOWLY,
        )
    if http_status >= 500:
        return Verdict(f"{said}.", _RETRY_HINT, ExitStatus.SERVICE, Retry.BACK_OFF)
    return Verdict(
        f"{said}: no Streaming v3 there.",
        "check --endpoint; it ends in /v3/ws",
        ExitStatus.SERVICE,
        Retry.NO,
    )
