"""Compressed audio at the local service, as other programs make it: libsndfile and ffmpeg."""

import io
import subprocess
import sys

import numpy as np
import pytest
import soundfile

from tests.emulator.test_emulated_session import opened, refused
from tests.requirements import require_package, require_programs
from tests.tone_words import speak_tones
from transcribe_cli.emulator.actions import Finish, Hear
from transcribe_cli.emulator.compressed_audio import (
    BadAudio,
    OggOpusDecoder,
    PacketDecoder,
    make_decoder,
)
from transcribe_cli.emulator.parameter_checks import DEFAULT_MODELS
from transcribe_cli.emulator.session_refused import SessionRefused
from transcribe_cli.protocol.ogg_pages import PageReader, write_page

SAID = speak_tones(20)  # 2 s
INVALID = "[Errno 1094995529] Invalid data found when processing input"
TERMINATE = '{"type":"Terminate"}'


@pytest.fixture(autouse=True)
def av_installed() -> None:
    require_package("av")


def ogg_opus(samples: bytes = SAID) -> bytes:
    stream = io.BytesIO()
    sound = np.frombuffer(samples, "<i2")
    soundfile.write(stream, sound, 16000, format="OGG", subtype="OPUS")
    return stream.getvalue()


def likeness(heard: bytes) -> float:
    said, got = np.frombuffer(SAID, "<i2"), np.frombuffer(heard, "<i2")
    return float(np.corrcoef(said, got)[0, 1])


@pytest.mark.parametrize("slice_bytes", [1, 37, 700, 1 << 20])
def test_ogg_opus_is_heard_in_any_slices(slice_bytes: int) -> None:
    stream, decoder, heard = ogg_opus(), OggOpusDecoder(), b""
    for at in range(0, len(stream), slice_bytes):
        heard += decoder.decode(stream[at : at + slice_bytes])
    heard += decoder.finish()
    assert len(heard) == len(SAID) and likeness(heard) > 0.9


def test_streams_one_after_the_other_are_all_heard() -> None:
    decoder = OggOpusDecoder()
    heard = decoder.decode(ogg_opus()) + decoder.decode(ogg_opus())
    assert len(heard) == 2 * len(SAID)
    assert likeness(heard[: len(SAID)]) > 0.9 and likeness(heard[len(SAID) :]) > 0.9


def test_a_stream_that_is_cut_off_is_heard_as_far_as_it_came() -> None:
    pages, stream = PageReader().feed(ogg_opus()), ogg_opus()
    assert len(pages) > 3
    decoder = OggOpusDecoder()
    heard = decoder.decode(stream[: len(stream) * 2 // 3]) + decoder.finish()
    assert 0 < len(heard) < len(SAID)


def test_raw_packets_are_heard_one_in_each_message() -> None:
    packets = [packet for page in PageReader().feed(ogg_opus()) for packet in page.packets]
    decoder = PacketDecoder("opus")
    heard = b"".join([decoder.decode(packet) for packet in packets[2:]]) + decoder.finish()
    assert abs(len(heard) - len(SAID)) <= 32 * 40  # nobody says where it begins and ends


def adts() -> bytes:
    """AAC as ffmpeg writes it."""
    require_programs("ffmpeg")
    command = "ffmpeg -v error -f s16le -ar 16000 -ac 1 -i - -c:a aac -f adts -"
    return subprocess.run(command.split(), input=SAID, capture_output=True, check=True).stdout


@pytest.mark.parametrize("slice_bytes", [1, 333, 1 << 20])
def test_aac_is_heard_in_any_slices(slice_bytes: int) -> None:
    decoder, stream = PacketDecoder("aac"), adts()
    slices = range(0, len(stream), slice_bytes)
    heard = b"".join(decoder.decode(stream[at : at + slice_bytes]) for at in slices)
    assert abs(len(heard + decoder.finish()) - len(SAID)) <= 32 * 200


@pytest.mark.parametrize("slice_bytes", [1, 333, 1 << 20])
def test_aac_is_heard_from_the_next_frame_on_where_a_client_goes_on_within_one(
    slice_bytes: int,
) -> None:
    decoder, stream = PacketDecoder("aac"), adts()
    slices = range(333, len(stream), slice_bytes)
    heard = b"".join(decoder.decode(stream[at : at + slice_bytes]) for at in slices)
    assert abs(len(heard + decoder.finish()) - len(SAID)) <= 32 * 200


@pytest.mark.parametrize("what", ["samples", "silence", "noise", "samples behind it"])
def test_what_is_no_aac_is_refused_as_no_opus_is(what: str) -> None:
    decoder = PacketDecoder("aac")
    if what == "samples behind it":
        decoder.decode(adts())
    noise = np.random.default_rng(0).bytes(16_000)
    sent = {"silence": bytes(16_000), "noise": noise}.get(what, SAID[:16_000])
    with pytest.raises(BadAudio) as e:
        for at in range(0, len(sent), 1600):
            decoder.decode(sent[at : at + 1600])
    said = "User Input Validation Error: Failed to decode AAC packet: "
    assert str(e.value).startswith(f"{said}{INVALID}")


def test_what_is_no_opus_is_refused_in_the_service_s_words() -> None:
    with pytest.raises(BadAudio) as raw:
        PacketDecoder("opus").decode(SAID[:1600])
    validation = "User Input Validation Error: Failed to decode"
    assert str(raw.value) == f"{validation} Opus packet: {INVALID}: 'avcodec_send_packet()'"
    with pytest.raises(BadAudio) as ogg:
        OggOpusDecoder().decode(SAID[:1600])
    assert str(ogg.value) == f"{validation} Ogg Opus stream: {INVALID}"


@pytest.mark.parametrize("what", ["no beginning", "other tags", "vorbis", "after the end"])
def test_an_ogg_stream_that_is_no_opus_is_refused(what: str) -> None:
    head, tags, *rest = (page.packets for page in PageReader().feed(ogg_opus()))
    pages = {
        "no beginning": write_page(rest[0][:9], 0, 8640, 1, 2),
        "other tags": write_page(head, 2, 0, 1, 0) + write_page([b"Speex"], 0, 0, 1, 1),
        "vorbis": write_page([b"\x01vorbis" + bytes(22)], 2, 0, 1, 0),
        "after the end": ogg_opus() + write_page(rest[0][:9], 0, 8640, 1, 9),
    }
    assert tags[0].startswith(b"OpusTags")
    with pytest.raises(BadAudio, match="Ogg Opus stream"):
        OggOpusDecoder().decode(pages[what])


def test_a_message_of_hours_of_audio_is_refused_and_not_unpacked() -> None:
    pages = [write_page([b"OpusHead" + bytes((1, 1, 56, 1)) + bytes(7)], 2, 0, 1, 0)]
    pages += [write_page([b"OpusTags" + bytes(8)], 0, 0, 1, 1)]
    longest = b"\x0b\x06"  # 6 frames of 20 ms with nothing in them: no packet is longer
    pages += [write_page([longest] * 255, 0, 255 * 5760 * n, 1, 1 + n) for n in range(1, 30)]
    message = b"".join(pages)
    assert len(message) < 1 << 15
    with pytest.raises(BadAudio, match="Ogg Opus stream"):
        OggOpusDecoder().decode(message)


# In a session.


def test_compressed_audio_is_counted_by_its_samples_whatever_its_rate_is_said_to_be() -> None:
    session = opened(encoding="ogg_opus", sample_rate=8000)
    stream, heard = ogg_opus(), b""
    for at in range(0, len(stream), 20):  # 20 bytes would be too short as samples
        for action in session.audio(stream[at : at + 20], 101.0):
            assert isinstance(action, Hear)
            heard += action.data
    assert session.engine_settings.sample_rate_hz == 16000
    assert session.engine_settings.encoding == "pcm_s16le"
    assert len(heard) == len(SAID) and session.audio_s == 2.0
    assert session.text(TERMINATE, 102.0) == [Finish()]


def test_audio_that_the_decoder_still_holds_comes_before_the_end() -> None:
    session = opened(encoding="ogg_opus")
    pages = PageReader().feed(ogg_opus())
    *begun, _ = [write_page(p.packets, p.flags, p.granule, 1, n) for n, p in enumerate(pages)]
    session.audio(b"".join(begun), 101.0)
    *rest, finish = session.text(TERMINATE, 102.0)
    assert finish == Finish() and all(isinstance(action, Hear) for action in rest)


def test_a_bad_stream_closes_the_session_with_3006() -> None:
    session = opened(encoding="ogg_opus")
    code, text = refused(session.audio(SAID[:1600], 101.0))
    assert code == 3006 and text.endswith(f"Failed to decode Ogg Opus stream: {INVALID}")
    assert session.audio(ogg_opus(), 102.0) == []


@pytest.mark.parametrize("encoding", ["opus", "ogg_opus", "aac"])
def test_a_service_without_the_decoder_says_so_at_once(
    encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    query = f"speech_model=u3-rt-pro&encoding={encoding}"
    assert DEFAULT_MODELS.read(query)["encoding"] == encoding
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(SessionRefused, match="decodes it with the package 'av'") as e:
        DEFAULT_MODELS.read(query)
    assert e.value.code == 3006


def test_samples_have_no_decoder() -> None:
    assert make_decoder("pcm_s16le") is None and make_decoder("pcm_mulaw") is None
