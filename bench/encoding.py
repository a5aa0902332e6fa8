"""What Ogg Opus saves and costs beside samples: bytes, CPU, and what waits for its packet."""

import tempfile
import wave
from pathlib import Path
from statistics import median

from bench.plain_run import take
from bench.program import program
from bench.server import echo_server
from bench.table import Row, median_ratio
from transcribe_cli.audio.encoder import OggOpusEncoder
from transcribe_cli.jobs.sources import SAMPLE
from transcribe_cli.protocol.ogg_pages import PageReader
from transcribe_cli.session.frames import BINARY, FrameWriter

RATE_HZ = 16000
SECONDS = 20
PAIRS = 5
_PACKET_MS = 20
_ENCODINGS = ("ogg_opus", "pcm_s16le")


def run(quick: bool) -> list[Row]:
    """The rows of the table."""
    with wave.open(str(SAMPLE)) as file:
        speech = file.readframes(file.getnframes())
    rows = [_bytes_row(speech, 50), _bytes_row(speech, 200)]
    with tempfile.TemporaryDirectory() as folder, echo_server(every=4, growing=True) as server:
        wav = Path(folder) / "speech.wav"
        with wave.open(str(wav), "wb") as file:
            file.setparams((1, 2, RATE_HZ, 0, "NONE", ""))
            file.writeframes(speech[: SECONDS * RATE_HZ * 2])
        spent: dict[str, list[float]] = {encoding: [] for encoding in _ENCODINGS}
        for _ in range(1 if quick else PAIRS):
            for encoding in _ENCODINGS:
                place = ("--endpoint", server.url, "--no-save", "--encoding", encoding)
                command = [*program().command, "file", str(wav), "--text", *place]
                spent[encoding].append(take(command).cpu_ms)
    opus, samples = (spent[encoding] for encoding in _ENCODINGS)
    rows.append(
        Row(
            f"`--encoding ogg_opus`, {SECONDS} s in real time: CPU of the whole process",
            median_ratio(opus, samples),
            f"{median(opus):.0f} ms",
            f"samples {median(samples):.0f} ms",
        )
    )
    return rows


def _bytes_row(speech: bytes, chunk_ms: int) -> Row:
    """Bytes a minute in WebSocket frames, and how long audio waits for its packet at most."""
    encoder, writer, size = OggOpusEncoder(RATE_HZ), FrameWriter(), RATE_HZ * chunk_ms // 500
    sent = plain = 0
    reader, packets, waits_ms = PageReader(), -2, 0  # less the headers
    for number, at in enumerate(range(0, len(speech) - size + 1, size), start=1):
        pages = encoder.encode(speech[at : at + size])
        sent += len(writer.frame(BINARY, pages))
        plain += len(writer.frame(BINARY, speech[at : at + size]))
        packets += sum(len(page.packets) for page in reader.feed(pages))
        waits_ms = max(waits_ms, number * chunk_ms - _PACKET_MS * packets)
    minutes = len(speech) / 2 / RATE_HZ / 60
    return Row(
        f"`--encoding ogg_opus`, chunks of {chunk_ms} ms: kB a minute; audio waits at most "
        f"{waits_ms} ms for its packet",
        sent / plain,
        f"{sent / minutes / 1000:.0f} kB",
        f"samples {plain / minutes / 1000:.0f} kB",
    )
