"""A WebSocket connection with the interface that `SessionTask` needs."""

import asyncio
from contextlib import suppress

from transcribe_cli.emulator.actions import Shape
from transcribe_cli.emulator.session_task import ClientGone
from transcribe_cli.emulator.websocket_connection import LOST, WebSocketConnection

_MOST_UNTAKEN = 16  # messages


class WebSocketClient:
    """Keeps a few messages until they are asked for."""

    def __init__(self, connection: WebSocketConnection) -> None:
        self._connection = connection
        self._messages: asyncio.Queue[str | bytes] = asyncio.Queue()
        self._left: asyncio.Future[ClientGone] = asyncio.get_running_loop().create_future()
        self._room = asyncio.Event()
        connection.hand_to(self)

    @property
    def is_ready(self) -> bool:
        return self._messages.qsize() < _MOST_UNTAKEN

    def take(self, message: str | bytes) -> None:
        self._messages.put_nowait(message)

    def client_left(self, code: int, error: str) -> None:
        self._left.set_result(ClientGone(code, error))
        self._room.set()

    def has_room(self) -> None:
        self._room.set()

    async def receive(self) -> str | bytes:
        if self._messages.empty():
            get = asyncio.ensure_future(self._messages.get())
            try:
                await asyncio.wait((get, self._left), return_when=asyncio.FIRST_COMPLETED)
            finally:
                if not get.done():
                    get.cancel()
                    with suppress(asyncio.CancelledError):
                        await get
            if get.cancelled():
                raise self._left.result()
            message = get.result()
        else:
            message = self._messages.get_nowait()
        self._connection.go_on()
        return message

    async def send(self, text: str) -> None:
        while self._connection.is_full and not self._left.done():
            self._room.clear()
            await self._room.wait()
        if self._left.done():
            raise ClientGone(LOST)
        self._connection.send(text)

    async def close(self, code: int, reason: str) -> None:
        await self._connection.close(code, reason)

    def abort(self, reset: bool = False) -> None:
        self._connection.abort(reset)

    def shape(self, shape: Shape) -> None:
        self._connection.shape(shape)

    def hold(self) -> None:
        self._connection.hold()

    def release(self) -> None:
        self._connection.release()
