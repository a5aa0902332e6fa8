"""Many connections of one program."""

import ssl
import threading
from collections.abc import Iterator

import pytest

from tests.program import DEADLINE_S
from transcribe_cli.session import tls

MANY = 8


@pytest.fixture(autouse=True)
def nothing_made_yet() -> Iterator[None]:
    tls._make_context.cache_clear()
    yield
    tls._make_context.cache_clear()


def test_they_share_what_is_trusted_however_many_are_opened_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: list[ssl.SSLContext] = []
    all_wait = threading.Barrier(MANY)

    def make() -> ssl.SSLContext:
        made.append(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
        return made[-1]

    monkeypatch.setattr(ssl, "create_default_context", make)
    found: list[ssl.SSLContext] = []

    def ask() -> None:
        all_wait.wait(DEADLINE_S)
        found.append(tls.tls_context())

    threads = [threading.Thread(target=ask, name="test-asks") for _ in range(MANY)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE_S)
    assert len(found) == MANY
    assert len(made) == 1
    assert all(context is made[0] for context in found)


def test_other_certificates_are_another_trust(monkeypatch: pytest.MonkeyPatch) -> None:
    one = tls.tls_context()
    monkeypatch.setenv("SSL_CERT_DIR", "/nowhere")
    other = tls.tls_context()
    assert one is not other
    assert other is tls.tls_context()
