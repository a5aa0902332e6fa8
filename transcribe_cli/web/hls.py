"""Playlists of HTTP Live Streaming, as far as they are needed to hear the media. Pure.

Source: RFC 8216, "HTTP Live Streaming".
"""

import re
from typing import NamedTuple

from transcribe_cli.errors import AudioError
from transcribe_cli.web.untrusted import count, join

MOST_BYTES = 4 << 20  # of a playlist; one of a day of 6 s segments has a tenth of it
_LONGEST_S = 600.0  # of a segment, and so of the silence for a missing one
_FROM_THE_END = 3  # where to begin, in target durations: section 6.3.3
_AUDIO_CODECS = ("mp4a", "ac-3", "ec-3", "opus", "flac", "fLaC", "mp3", "vorbis", "alac", "Opus")
_ATTRIBUTE = re.compile(r'([A-Z0-9-]+)=("[^"]*"|[^,]*)')


class EncryptionKey(NamedTuple):
    """What AES-128 in CBC needs: the address of the key, and the first block's vector."""

    address: str
    vector: bytes


class Stretch(NamedTuple):
    """Bytes at an address.

    Attributes:
        offset, size_bytes: which part of the file at the address; size None: all of it.
        key: the key that they are encrypted with; None: they are not encrypted.
    """

    address: str
    offset: int = 0
    size_bytes: int | None = None
    key: EncryptionKey | None = None


class Segment(NamedTuple):
    """A piece of the media.

    Attributes:
        number: the same in every version of the playlist.
        head: the bytes that a decoder needs first; None: no such bytes.
    """

    number: int
    duration_s: float
    media: Stretch
    head: Stretch | None = None
    is_missing: bool = False


class MediaPlaylist(NamedTuple):
    """The segments that a playlist lists at present.

    Attributes:
        target_s: the longest duration of a segment, and the time until another one is added.
        is_over: no more segments will be added.
    """

    segments: list[Segment]
    target_s: float
    is_over: bool

    @property
    def live_edge(self) -> int:
        """The number of the segment to begin with, while more are added."""
        left_s = _FROM_THE_END * self.target_s
        for segment in reversed(self.segments):
            left_s -= segment.duration_s
            if left_s <= 0:
                return segment.number
        return self.segments[0].number if self.segments else 0


def is_hls(head: bytes) -> bool:
    """Whether a playlist is one of HLS, and not a list of files."""
    return head.lstrip(b"\xef\xbb\xbf").startswith(b"#EXTM3U") and b"#EXT-X-" in head


def choose_variant(text: str, base: str) -> str | None:
    """The address of the playlist to hear, if this one lists others; else None.

    Prefers renditions without video, then the lowest bit rate: the picture is not transcribed, and
    the sound of a low rate is seldom worse.

    Args:
        base: the playlist's own address.
    """
    lines = _lines(text)
    choices: list[tuple[int, int, str]] = []
    groups: dict[str, str] = {}
    for line, after in zip(lines, [*lines[1:], ""], strict=True):
        tag, _, value = line.partition(":")
        asked = _attributes(value)
        if tag == "#EXT-X-MEDIA" and asked.get("TYPE") == "AUDIO" and asked.get("URI"):
            group = asked.get("GROUP-ID", "")
            if group not in groups or asked.get("DEFAULT") == "YES":
                groups[group] = join(base, asked["URI"])
        elif tag == "#EXT-X-STREAM-INF" and after and not after.startswith("#"):
            codecs = asked.get("CODECS", "")
            heard = not codecs or any(codec in codecs for codec in _AUDIO_CODECS)
            if not heard and "AUDIO" not in asked:
                continue
            address = groups.get(asked.get("AUDIO", "")) or join(base, after)
            has_picture = "RESOLUTION" in asked or "VIDEO" in asked
            seen = int(has_picture and address not in groups.values())
            choices.append((seen, count(asked.get("BANDWIDTH", "")) or 0, address))
    # A rendition may be listed after the streams that refer to it.
    if groups and choices and all(choice[0] for choice in choices):
        return next(iter(groups.values()))
    return min(choices)[2] if choices else None


def read_media(text: str, base: str) -> MediaPlaylist:
    """The segments of a playlist that lists segments.

    Raises:
        AudioError: the segments are protected in a way that is not supported.
    """
    segments: list[Segment] = []
    number, target_s, duration_s, is_over, is_missing = 0, 0.0, 0.0, False, False
    size: int | None = None
    offset = 0
    head: Stretch | None = None
    keys: dict[str, dict[str, str]] = {}  # by key format; each holds until the next of its format
    for line in _lines(text):
        tag, _, value = line.partition(":")
        match tag:
            case "#EXT-X-MEDIA-SEQUENCE":
                number = count(value) or 0
            case "#EXT-X-TARGETDURATION":
                target_s = _seconds(value)
            case "#EXTINF":
                duration_s = _seconds(value.partition(",")[0])
            case "#EXT-X-BYTERANGE":
                size, offset = _range(value, offset)
            case "#EXT-X-GAP":
                is_missing = True
            case "#EXT-X-MAP":
                asked = _attributes(value)
                its_size, its_offset = _range(asked.get("BYTERANGE", ""), 0)
                head = Stretch(
                    *(join(base, asked.get("URI", "")), its_offset, its_size),
                    _key_of(keys, base, number),
                )
            case "#EXT-X-KEY":
                asked = _attributes(value)
                if asked.get("METHOD", "NONE") == "NONE":
                    keys.clear()
                else:
                    keys[asked.get("KEYFORMAT", "identity")] = asked
            case "#EXT-X-ENDLIST":
                is_over = True
            case _ if not line.startswith("#"):
                what = Stretch(join(base, line), offset, size, _key_of(keys, base, number))
                segments.append(Segment(number, duration_s, what, head, is_missing))
                offset = offset + size if size is not None else 0
                number, size, is_missing = number + 1, None, False
    target_s = target_s or max((segment.duration_s for segment in segments), default=1.0)
    return MediaPlaylist(segments, target_s, is_over)


def _key_of(keys: dict[str, dict[str, str]], base: str, number: int) -> EncryptionKey | None:
    """The key of segment `number`, by the tags in force (section 4.3.2.4); None: not encrypted.

    Raises:
        AudioError: the encryption is not supported.
    """
    if not keys:
        return None
    asked = keys.get("identity", {})
    if asked.get("METHOD") != "AES-128":
        method = [*keys.values()][-1]["METHOD"]
        raise AudioError(
            f"What the playlist leads to is protected ({method:.20}), which is not read here.",
            "let it play, and record that: aai-stream mic --system",
        )
    vector = asked.get("IV", "")[2:]
    if not re.fullmatch("[0-9A-Fa-f]{32}", vector):
        vector = f"{number:032x}"
    return EncryptionKey(join(base, asked.get("URI", "")), bytes.fromhex(vector))


def _lines(text: str) -> list[str]:
    return [line for line in (line.strip() for line in text.splitlines()) if line]


def _attributes(value: str) -> dict[str, str]:
    return {name: text.strip('"') for name, text in _ATTRIBUTE.findall(value)}


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        return 0.0
    return min(seconds, _LONGEST_S) if seconds >= 0 else 0.0  # NaN gives 0 too


def _range(text: str, offset: int) -> tuple[int | None, int]:
    """Size and offset of `SIZE@OFFSET`; without `@OFFSET`, the given offset."""
    size, _, at = text.strip().strip('"').partition("@")
    size_bytes, at_byte = count(size), count(at)
    if size_bytes is None:
        return None, offset
    return size_bytes, offset if at_byte is None else at_byte
