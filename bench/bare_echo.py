"""A server of bare `websockets` that answers each chunk with a Turn, and does nothing else."""

import asyncio
import sys
from contextlib import suppress

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

_TURN = (
    '{"turn_order":0,"turn_is_formatted":false,"end_of_turn":false,"transcript":"w1 w2 w3",'
    '"end_of_turn_confidence":0.0,"words":[{"start":0,"end":60,"text":"w1","confidence":0.9,'
    '"word_is_final":false},{"start":100,"end":160,"text":"w2","confidence":0.9,'
    '"word_is_final":false},{"start":200,"end":260,"text":"w3","confidence":0.9,'
    '"word_is_final":false}],"utterance":"","type":"Turn"}'
)


async def _answer(connection: ServerConnection) -> None:
    with suppress(ConnectionClosed):
        async for _ in connection:
            await connection.send(_TURN)


async def _main() -> None:
    async with serve(_answer, "127.0.0.1", 0, compression=None) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        sys.stdout.write(f'{{"url":"ws://127.0.0.1:{port}/v3/ws"}}\n')
        sys.stdout.flush()
        await asyncio.get_running_loop().create_future()


if __name__ == "__main__":
    asyncio.run(_main())
