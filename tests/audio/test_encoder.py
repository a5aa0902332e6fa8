"""What samples go out as, read back with libsndfile, which has no part in sending them."""

import io
import sys
import wave

import numpy as np
import pytest
import soundfile

from tests.requirements import require_package
from tests.tone_words import speak_tones
from transcribe_cli.audio.encoder import OggOpusEncoder, check_encoding, make_encoder
from transcribe_cli.errors import UsageError
from transcribe_cli.jobs.sources import SAMPLE
from transcribe_cli.protocol.ogg_pages import LAST, PageReader


@pytest.fixture(autouse=True)
def opus() -> None:
    require_package("av")


def encoded(samples: bytes, rate_hz: int, chunk_ms: int = 50) -> bytes:
    encoder, size = OggOpusEncoder(rate_hz), rate_hz * chunk_ms // 1000 * 2
    pages = [encoder.encode(samples[at : at + size]) for at in range(0, len(samples), size)]
    return b"".join([*pages, encoder.finish()])


@pytest.mark.parametrize("rate_hz", [8000, 16000, 44100, 48000])
@pytest.mark.parametrize("chunk_ms", [50, 1000])
def test_a_stream_has_exactly_the_audio_that_was_given(rate_hz: int, chunk_ms: int) -> None:
    frames = rate_hz * 3 + 7
    heard, heard_hz = soundfile.read(io.BytesIO(encoded(bytes(2 * frames), rate_hz, chunk_ms)))
    assert len(heard) == frames * heard_hz // rate_hz


def test_what_is_said_is_heard_where_it_was_said() -> None:
    said = np.frombuffer(speak_tones(30), "<i2")
    heard, _ = soundfile.read(io.BytesIO(encoded(said.tobytes(), 16000)), dtype="int16")
    likeness = [np.corrcoef(said, np.roll(heard, shift))[0, 1] for shift in range(-16, 17)]
    assert abs(int(np.argmax(likeness)) - 16) <= 1 and max(likeness) > 0.9


def test_a_chunk_gives_whole_pages_and_holds_back_less_than_a_packet() -> None:
    encoder, reader, packets = OggOpusEncoder(16000), PageReader(), -2  # less the headers
    for number in range(1, 41):
        data = encoder.encode(bytes(1600))
        packets += sum(len(page.packets) for page in reader.feed(data))
        assert 20 * packets >= 50 * number - 10
    (end,) = reader.feed(encoder.finish())
    assert end.flags & LAST


def test_a_session_that_sent_nothing_ends_in_a_stream_that_says_so() -> None:
    pages = PageReader().feed(OggOpusEncoder(16000).finish())
    assert [bool(page.flags & LAST) for page in pages] == [False, False, True]


def test_each_session_has_a_stream_of_its_own() -> None:
    first, second = (PageReader().feed(encoded(bytes(3200), 16000))[0] for _ in range(2))
    assert first.packets == second.packets and first.serial != second.serial


def test_speech_is_a_tenth_of_its_samples() -> None:
    with wave.open(str(SAMPLE)) as file:
        said = file.readframes(16000 * 20)
    assert len(encoded(said, 16000)) < len(said) / 10
    assert len(encoded(said, 16000, 200)) < len(said) / 12  # fewer pages


def test_samples_go_out_as_they_are_unless_opus_is_asked_for() -> None:
    assert make_encoder("pcm_s16le", 16000) is None
    check_encoding("pcm_s16le")
    check_encoding("ogg_opus")


@pytest.mark.parametrize("encoding", ["opus", "aac", "pcm_mulaw"])
def test_an_encoding_that_is_not_made_here_is_refused_before_samples_are_sent_as_it(
    encoding: str,
) -> None:
    with pytest.raises(UsageError, match=f"not sent as '{encoding}'") as e:
        check_encoding(encoding)
    assert e.value.hint == "use --encoding pcm_s16le or ogg_opus"


def test_a_missing_package_is_named_with_the_way_to_install_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(UsageError, match="needs the package 'av'") as e:
        check_encoding("ogg_opus")
    assert e.value.hint == "install it: pip install 'aai-stream[opus]'"
