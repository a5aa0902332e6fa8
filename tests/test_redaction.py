"""Our own key and token in texts from outside."""

import base64
import html
import json
import re
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcribe_cli.errors import ConnectionFailed, StreamError
from transcribe_cli.protocol.codec import decode_server_message
from transcribe_cli.protocol.endpoint import without_credentials
from transcribe_cli.redaction import forget_secrets, keep_secret, redact, redact_message

KEY = "0123456789abcdef" * 2
TOKEN = 'A+b/c=="d\\e&f<g>_h.i-j k'
TURN = {"turn_order": 0, "end_of_turn": True, "transcript": "hello", "words": [], "type": "Turn"}


def written(secret: str) -> dict[str, str]:
    """Each way in which somebody may repeat it."""
    encoded = base64.b64encode
    return {
        "plain": secret,
        "capitals": secret.upper(),
        "url": quote(secret),
        "url, all": quote(secret, safe=""),
        "url, small": re.sub("%..", lambda c: c[0].lower(), quote(secret, safe="")),
        "form": quote_plus(secret),
        "address": f"wss://streaming.assemblyai.com/v3/ws?sample_rate=16000&token={quote(secret)}",
        "json": json.dumps({"a": secret}),
        "json, slashes": json.dumps(secret).replace("/", "\\/"),
        "html": html.escape(secret),
        "repr": repr([secret]),
        "basic": encoded(f"user:{secret}".encode()).decode(),
        "basic, no user": encoded(f":{secret}".encode()).decode(),
        "base64": encoded(secret.encode()).decode(),
        "base64 for urls": base64.urlsafe_b64encode(f"xx{secret}".encode()).decode(),
    }


@pytest.mark.parametrize("secret", [KEY, TOKEN])
@pytest.mark.parametrize("way", written(KEY))
def test_the_key_is_taken_out_however_it_is_written(secret: str, way: str) -> None:
    keep_secret(secret)
    said = f"before {written(secret)[way]} after"

    assert "[key]" in redact(said)
    assert redact(said).startswith("before ")
    assert redact(said).endswith(" after")
    for shown in (redact(said), redact_message(said.encode()).decode()):
        assert secret.lower() not in shown.lower()
        assert base64.b64encode(secret.encode()).decode()[4:-8] not in shown


@given(st.text(max_size=80), st.integers(0, 30))
def test_what_lies_around_the_key_stays(text: str, at: int) -> None:
    forget_secrets()
    keep_secret(KEY)
    said = text[:at] + KEY + text[at:]

    assert redact(said) == text[:at] + "[key]" + text[at:]
    assert redact(text) == text


@pytest.mark.parametrize("where", ["transcript", "utterance", "of_tomorrow", KEY])
def test_a_turn_that_holds_the_key_is_still_a_turn(where: str) -> None:
    keep_secret(KEY)
    data = json.dumps(TURN | {where: f"a {KEY}"}).encode()
    decoded = decode_server_message(redact_message(data))

    assert decoded.raw["type"] == "Turn"
    assert KEY not in json.dumps(decoded.raw)
    assert not decoded.problems


@pytest.mark.parametrize("every", [1, 2, 5])
@pytest.mark.parametrize("where", ["transcript", "type", "surprise"])
def test_a_message_that_escapes_what_need_not_be_is_read_as_it_is_meant(
    where: str, every: int
) -> None:
    keep_secret(KEY)
    hidden = "".join(
        f"\\u{ord(char):04x}" if at % every == 0 else char for at, char in enumerate(KEY)
    )
    said = json.dumps({**TURN, where: "before @ after"}).replace("@", hidden)
    assert json.loads(said)[where] == f"before {KEY} after"

    assert json.loads(redact_message(said.encode()))[where] == "before [key] after"


@pytest.mark.parametrize("text", ["C:\\u0041", "\\\\u0041", "caf\u00e9 \u4e2d", 'say "\n\t"'])
def test_what_else_is_escaped_means_the_same_after_it(text: str) -> None:
    keep_secret(KEY)
    said = json.dumps({**TURN, "transcript": f"{text} \x41"}).encode()

    assert json.loads(redact_message(said)) == json.loads(said)


def test_a_message_without_it_is_not_touched() -> None:
    keep_secret(KEY)
    data = json.dumps(TURN).encode()

    assert redact_message(data) is data


def test_nothing_is_taken_out_where_there_is_no_credential() -> None:
    for nothing in (None, "", "k", "hello"):
        keep_secret(nothing)

    assert redact("hello, k") == "hello, k"
    assert redact_message(b"hello, k") == b"hello, k"


@pytest.mark.parametrize("kind", [StreamError, ConnectionFailed])
def test_no_error_holds_it(kind: type[StreamError]) -> None:
    keep_secret(KEY)
    error = kind(f"the proxy said {KEY}", f"try {KEY}")

    assert (error.message, error.hint) == ("the proxy said [key]", "try [key]")
    assert KEY not in str(error) + repr(error)


def test_no_endpoint_that_is_kept_holds_it() -> None:
    keep_secret(KEY)

    assert without_credentials(f"wss://u:p@host/{KEY}/v3/ws?a={KEY}") == "wss://host/[key]/v3/ws"
