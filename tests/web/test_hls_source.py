"""HLS streams, some of them made by ffmpeg, heard from a real server."""

import math
from collections.abc import Callable
from contextlib import closing
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7

from tests.audio.media import ffmpeg
from tests.audio.tones import taken, tone, values, write
from tests.web.site import Handler, Site
from transcribe_cli.audio.format import EACH
from transcribe_cli.audio.source import AudioGap, SourceEvent, channels_of
from transcribe_cli.errors import AudioError
from transcribe_cli.web import hls_source
from transcribe_cli.web.address_source import open_address
from transcribe_cli.web.decryption import decrypted
from transcribe_cli.web.fetch import Fetcher
from transcribe_cli.web.hls import Stretch
from transcribe_cli.web.hls_source import without_id3
from transcribe_cli.web.live_source import GaveUp

RATE = 16000
KEY = b"sixteen letters."


def test_tag_before_a_segment_is_no_audio() -> None:
    assert without_id3(b"ID3\x04\0\0\0\0\1\2" + bytes(130) + b"\xff\xf1audio") == b"\xff\xf1audio"
    assert without_id3(b"\xff\xf1audio") == b"\xff\xf1audio"


def encrypted(site: Site) -> tuple[str, ...]:
    """What has `segments` encrypt them with a key that the site gives."""
    (site.folder / "talk.key").write_bytes(KEY)
    info = site.folder / "key.info"
    info.write_text(f"talk.key\n{site.folder / 'talk.key'}\n")
    return "-hls_key_info_file", str(info)


@pytest.mark.long
def test_encrypted_programme_is_heard_whole(site: Site) -> None:
    lines = segments(site, *encrypted(site), seconds=3.0)
    assert any(line.startswith("#EXT-X-KEY:METHOD=AES-128") for line in lines)
    source = open_address(f"{site.url}/list.m3u8", RATE)
    samples, told = taken(source)
    assert told == []
    assert abs(len(samples) / 2 / RATE - 3.0) < 0.2
    assert abs(values(samples)).max() > 10_000
    assert site.paths().count("/talk.key") == 1

    (site.folder / "talk.key").unlink()
    with pytest.raises(AudioError, match="its key is not given"):
        open_address(f"{site.url}/list.m3u8", RATE)


def test_encrypted_segment_that_is_cut_or_another_one_is_none() -> None:
    assert decrypted(bytes(17), KEY, bytes(16)) is None
    assert decrypted(bytes(32), KEY, bytes(16)) is None


@pytest.mark.parametrize("tag", ["MPD", "SmoothStreamingMedia"])
def test_playlist_of_another_kind_is_told_with_what_reads_it(site: Site, tag: str) -> None:
    (site.folder / "talk.mpd").write_text(f'<?xml version="1.0"?>\n<{tag} xmlns="x"></{tag}>')
    with pytest.raises(AudioError, match="is not read here") as refused:
        open_address(f"{site.url}/talk.mpd", RATE)
    assert "ffmpeg" in refused.value.hint


@pytest.mark.long
def test_sides_of_a_programme_are_kept_apart_also_where_some_is_missing(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hls_source, "_WAITS_S", (0.0,))
    left = tone(RATE, 3.0)[:, 0]
    segments(site, stereo=np.column_stack([left, left * 0]))
    (site.folder / "list1.ts").unlink()
    source = open_address(f"{site.url}/list.m3u8", RATE, channel=EACH)
    told: list[SourceEvent] = []
    came = bytearray()
    with closing(source), pytest.raises(AudioError, match="did not give 1 of"):
        for block in source.blocks(told.append):
            came += block
    both = np.frombuffer(came, "<i2").reshape(-1, 2)
    assert channels_of(source) == 2
    assert [type(event) for event in told] == [AudioGap]
    assert abs(len(both) / RATE - 3.0) < 0.2
    assert abs(both[:, 0]).max() > 10_000
    assert not both[:, 1].any()


def segments(site: Site, *options: str, seconds: float = 6.0, stereo: Any = None) -> list[str]:
    """`list.m3u8` of the site, with a segment a second; returns its lines."""
    said = tone(RATE, seconds) if stereo is None else stereo
    wav = write(site.folder / "talk.wav", said, RATE)
    made = "-c:a aac -f hls -hls_time 1 -hls_list_size 0".split()
    ffmpeg("-i", wav, *made, *options, site.folder / "list.m3u8")
    return (site.folder / "list.m3u8").read_text().splitlines()


@pytest.mark.first(1)
@pytest.mark.parametrize(
    "options",
    [
        ("-hls_segment_type", "mpegts"),
        ("-hls_segment_type", "fmp4"),
        ("-hls_flags", "single_file", "-hls_segment_type", "fmp4"),
    ],
    ids=["ts", "fmp4", "ranges"],
)
def test_programme_that_is_over_is_heard_whole(site: Site, options: tuple[str, ...]) -> None:
    segments(site, *options)
    (site.folder / "main.m3u8").write_text("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=9\nlist.m3u8\n")
    source = open_address(f"{site.url}/main.m3u8", RATE)
    samples, told = taken(source)

    assert (source.kind, source.live, told) == ("address", False, [])
    assert abs(len(samples) / 2 / RATE - 6.0) < 0.2
    assert abs(values(samples)).max() > 10_000


def test_segment_that_is_not_there_is_silence_and_a_gap(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hls_source, "_WAITS_S", (0.0,))
    segments(site, "-hls_segment_type", "mpegts")
    (site.folder / "list2.ts").unlink()
    told: list[SourceEvent] = []
    came = 0
    with (
        closing(open_address(f"{site.url}/list.m3u8", RATE)) as source,
        pytest.raises(AudioError, match="did not give 1 of"),
    ):
        for block in source.blocks(told.append):
            came += len(block)

    assert abs(came / 2 / RATE - 6.0) < 0.3
    (gap,) = (event for event in told if isinstance(event, AudioGap))
    assert 0.9 < gap.seconds < 1.1
    assert site.paths().count("/list2.ts") == 3


@pytest.mark.parametrize(("status", "refusals"), [(503, 9), (429, 9), (404, 2)])
def test_segment_is_asked_for_again_the_longer_where_that_may_help(
    site: Site, monkeypatch: pytest.MonkeyPatch, status: int, refusals: int
) -> None:
    monkeypatch.setattr(hls_source, "_WAITS_S", (0.0,))
    stream = playing(site, listed(1, "a"))

    def busy(handler: Handler) -> None:
        if site.paths().count("/a") > refusals:
            handler.give(b"a")
        else:
            handler.answer(status, {"Content-Length": "0"})

    site.plays["/a"] = busy
    assert stream.fetch(Stretch(f"{site.url}/a")) == b"a"


def window(lines: list[str], site: Site) -> Callable[[Handler], object]:
    """A live playlist of three segments, which goes on with each request; the last one skips."""
    heads = [line for line in lines if line.startswith(("#EXTM3U", "#EXT-X-VERSION"))]
    entries = list(zip(lines[4::2], lines[5::2], strict=False))
    entries = [e for e in entries if e[0].startswith("#EXTINF")]
    starts = iter((0, 0, 1, 5))

    def play(handler: Handler) -> None:
        start = next(starts, 5)
        shown = [*heads, "#EXT-X-TARGETDURATION:0.1", f"#EXT-X-MEDIA-SEQUENCE:{start}"]
        for length, name in entries[start : start + 3]:
            shown += [length, name]
        if start == 5:
            shown.append("#EXT-X-ENDLIST")
        handler.give("\n".join(shown).encode())

    return play


def test_live_stream_goes_on_and_tells_what_went_by(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hls_source, "_SOONEST_S", 0.05)
    lines = segments(site, "-hls_segment_type", "mpegts", seconds=8.0)
    site.plays["/live.m3u8"] = window(lines, site)
    told: list[SourceEvent] = []
    with closing(open_address(f"{site.url}/live.m3u8", RATE)) as source:
        live = source.live
        samples = b"".join(source.blocks(told.append))

    assert live
    (gap,) = (event for event in told if isinstance(event, AudioGap))
    assert 0.9 < gap.seconds < 1.1  # the fifth of eight
    heard = [path for path in site.paths() if path.endswith(".ts")]
    assert "/list4.ts" not in heard
    assert {"/list3.ts", "/list5.ts", "/list7.ts"} <= set(heard)
    assert len(samples) > 2 * RATE * 5


def listed(number: int, *names: str) -> bytes:
    lines = [f"#EXTINF:6\n{name}" for name in names]
    return "\n".join(
        ["#EXTM3U", "#EXT-X-TARGETDURATION:0.01", f"#EXT-X-MEDIA-SEQUENCE:{number}", *lines]
    ).encode()


def playing(site: Site, *lists: bytes) -> hls_source._Stream:
    """A live stream whose playlist is each of these in turn, then the last one."""
    coming = iter(lists[1:])
    site.plays["/live.m3u8"] = lambda handler: handler.give(next(coming, lists[-1]))
    address = f"{site.url}/live.m3u8"
    return hls_source._Stream(Fetcher(address), address, lists[0].decode())


def next_of(stream: hls_source._Stream) -> tuple[bytes, float]:
    ready = stream.look()
    assert ready is not None
    return stream.take(), ready.missing_s


def test_count_that_begins_anew_far_ahead_is_no_silence_of_years(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hls_source, "_SOONEST_S", 0.0)
    for name in "abcd":
        (site.folder / name).write_text(name)
    stream = playing(site, listed(105, "a"), listed(107, "b"), listed(1_700_000_000, "c", "d"))
    heard = [next_of(stream) for _ in "abcd"]
    assert heard == [(b"a", 0.0), (b"b", 6.0), (b"c", 0.0), (b"d", 0.0)]


def test_live_stream_whose_segments_all_fail_is_given_up(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are listed on and on, and none is there, for a clock that goes fast."""
    monkeypatch.setattr(hls_source, "time", SimpleNamespace(monotonic=count(0, 20).__next__))
    monkeypatch.setattr(hls_source, "_WAITS_S", (0.0,))
    lists = [listed(number, f"{number}") for number in range(30)]
    stream = playing(site, *lists, b"#EXTM3U\n#EXT-X-ENDLIST")
    with pytest.raises(GaveUp, match="has given nothing for 5 minutes"):
        stream.look()
    assert "/1" in site.paths()
    assert "/20" not in site.paths()


def locked(data: bytes, number: int) -> bytes:
    """A segment of that number, encrypted with `KEY`."""
    made = Cipher(AES(KEY), CBC(number.to_bytes(16, "big"))).encryptor()
    padding = PKCS7(128).padder()
    return made.update(padding.update(data) + padding.finalize())


def with_key(name: str, playlist: bytes) -> bytes:
    return playlist.replace(
        b"#EXTINF", f'#EXT-X-KEY:METHOD=AES-128,URI="{name}"\n#EXTINF'.encode(), 1
    )


def test_key_that_opens_nothing_is_told_at_once(site: Site) -> None:
    (site.folder / "key").write_bytes(b"of something els")
    (site.folder / "a").write_bytes(locked(b"audio", 1))
    stream = playing(site, with_key("key", listed(1, "a")), b"#EXTM3U\n#EXT-X-ENDLIST")
    with pytest.raises(GaveUp, match="is encrypted, and its key is another one"):
        stream.look()
    assert site.paths() == ["/a", "/key"]


def test_next_key_of_a_live_stream_may_come_later(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second one is not there for the second segment, and is for the third."""
    monkeypatch.setattr(hls_source, "_WAITS_S", (0.0,))
    monkeypatch.setattr(hls_source, "_SOONEST_S", 0.0)
    for number, name in enumerate("abc", 1):
        (site.folder / name).write_bytes(locked(name.encode(), number))

    def key(handler: Handler) -> None:
        if handler.path == "/one" or site.paths().count("/two") > 3:
            handler.give(KEY)
        else:
            handler.answer(404, {"Content-Length": "0"})

    site.plays |= {"/one": key, "/two": key}
    named = [("one", 1, "a"), ("two", 2, "b"), ("two", 3, "c")]
    stream = playing(site, *(with_key(uri, listed(number, name)) for uri, number, name in named))
    assert [next_of(stream) for _ in "ac"] == [(b"a", 0.0), (b"c", 6.0)]


def test_segment_that_its_key_does_not_open_is_told_as_that(site: Site) -> None:
    (site.folder / "key").write_bytes(KEY)
    (site.folder / "a").write_bytes(locked(b"audio", 1))
    (site.folder / "b").write_bytes(bytes(32))
    stream = playing(site, with_key("key", listed(1, "a", "b")) + b"\n#EXT-X-ENDLIST")
    assert next_of(stream) == (b"audio", 0.0)
    with pytest.raises(GaveUp, match=r"not heard whole: its key does not open 1 of 2 segments\."):
        stream.look()


def test_playlist_without_durations_is_not_asked_for_without_a_pause(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    (site.folder / "a").write_text("a")
    stream = playing(site, b"#EXTM3U\n#EXTINF:0,\na")
    next_of(stream)
    waits: list[float] = []

    def wait(seconds: float) -> bool:
        waits.append(seconds)
        return False

    monkeypatch.setattr(stream.fetcher.stopped, "wait", wait)
    for _ in range(2):
        stream._reload(math.inf)
    assert min(waits) > 0.1


def test_playlist_that_leads_to_itself_or_nothing_is_told(site: Site) -> None:
    (site.folder / "loop.m3u8").write_text("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=9\nloop.m3u8\n")
    (site.folder / "none.m3u8").write_text("#EXTM3U\n#EXT-X-ENDLIST\n")
    for name in ("loop", "none"):
        with pytest.raises(AudioError) as refused:
            open_address(f"{site.url}/{name}.m3u8", RATE)
        assert "lists nothing" in refused.value.message


def test_playlist_of_a_stranger_leads_to_no_file(site: Site, tmp_path: Path) -> None:
    (site.folder / "list.m3u8").write_text(
        "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1\nfile:///etc/passwd\n#EXT-X-ENDLIST\n"
    )
    with pytest.raises(AudioError, match="is no address that is read here"):
        open_address(f"{site.url}/list.m3u8", RATE)
