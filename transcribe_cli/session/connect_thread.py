"""The thread that opens a session's connection, because looking up a name may take long."""

import threading
from collections.abc import Callable

from transcribe_cli.errors import ConnectionFailed, explain_unexpected
from transcribe_cli.protocol.codec import encode_client_message
from transcribe_cli.protocol.messages import Terminate
from transcribe_cli.session.connection import Connection
from transcribe_cli.session.events import Closed, Event, Opened, WorkerFailed
from transcribe_cli.session.session import Target


class ConnectThread:
    """Runs the thread `aai-connect-N`, whose last event is an `Opened` or a `Closed`.

    After it was abandoned it posts none.

    Args:
        number: the session's number.
        post: takes the events, on that thread.
    """

    def __init__(self, number: int, target: Target, post: Callable[[Event], None]) -> None:
        self._number = number
        self._target = target
        self._post = post
        self._lock = threading.Lock()
        self._abandoned = False
        self._thread = threading.Thread(
            target=self._connect, name=f"aai-connect-{number}", daemon=True
        )
        self._thread.start()

    def abandon(self) -> None:
        """Give the connection up; one that opens nevertheless is closed again."""
        with self._lock:
            self._abandoned = True

    def join(self, timeout_s: float) -> None:
        """Wait for the thread."""
        self._thread.join(timeout_s)

    def _connect(self) -> None:
        try:
            connection = Connection.open(self._target.url, self._target.headers)
        except ConnectionFailed as e:
            self._tell(Closed(self._number, failure=e))
            return
        except Exception as e:  # a worker never dies silently: main decides
            self._tell(WorkerFailed(explain_unexpected(e, "connecting")))
            self._tell(Closed(self._number))
            return
        with self._lock:
            if not self._abandoned:
                self._post(Opened(self._number, connection))
                return
        connection.close(encode_client_message(Terminate()))

    def _tell(self, event: Event) -> None:
        with self._lock:
            if not self._abandoned:
                self._post(event)
