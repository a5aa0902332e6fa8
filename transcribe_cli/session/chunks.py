"""How much audio goes into one message: 50 to 1000 ms, also at the end.

Source: page "Common session errors and closures" (3007, "Expected between 50 and 1000 ms"). Pure.
"""

from typing import NamedTuple

from transcribe_cli.audio.format import AudioFormat

MIN_CHUNK_MS = 50
MAX_CHUNK_MS = 1000


class ChunkSizes(NamedTuple):
    """Sizes in frames."""

    wanted: int
    least: int
    most: int


def chunk_sizes(audio: AudioFormat, chunk_ms: int) -> ChunkSizes:
    """The sizes for a sample rate; 50 ms is rounded up to a whole number of frames."""
    least = -(-audio.rate_hz * MIN_CHUNK_MS // 1000)
    most = audio.rate_hz * MAX_CHUNK_MS // 1000
    wanted = min(max(-(-audio.rate_hz * chunk_ms // 1000), least), most)
    return ChunkSizes(wanted, least, most)


def next_chunk(available: int, ended: bool, sizes: ChunkSizes) -> int:
    """How many of the available frames to send now; 0: wait for more.

    At the end, a remainder that is too short is sent with the chunk before it. If that chunk was
    already sent, the remainder is sent alone, and the sender pads it with silence.

    >>> sizes = ChunkSizes(wanted=800, least=800, most=16000)
    >>> next_chunk(799, False, sizes), next_chunk(900, False, sizes), next_chunk(900, True, sizes)
    (0, 800, 900)
    """
    if not ended:
        return sizes.wanted if available >= sizes.wanted else 0
    if available <= 0:
        return 0  # words may end late, so a session may start a little behind the last sample
    rest = available - sizes.wanted
    if rest <= 0 or rest >= sizes.least:
        return min(available, sizes.wanted)
    if available <= sizes.most:
        return available
    return available - sizes.least  # a chunk below the greatest size: enough is left for a last one
