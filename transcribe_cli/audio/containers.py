"""What a file or a stream is, by its first bytes, because its name is not reliable. Pure."""

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from mmap import mmap

HEAD_BYTES = 4096  # enough for two frames of most streams without a header


class Container(NamedTuple):
    """A kind of media.

    Attributes:
        name: its name for people.
        demuxer: its name in ffmpeg.
    """

    name: str
    demuxer: str


WAV = Container("WAV", "wav")
MP4 = Container("MP4", "mov")
OGG = Container("Ogg", "ogg")
FLAC = Container("FLAC", "flac")
MP3 = Container("MP3", "mp3")
_TS = Container("MPEG-TS", "mpegts")

_BY_MAGIC: tuple[tuple[int, bytes, Container], ...] = (
    (0, b"fLaC", FLAC),
    (0, b"OggS", OGG),
    (8, b"AIFF", Container("AIFF", "aiff")),
    (8, b"AIFC", Container("AIFF", "aiff")),
    (8, b"AVI ", Container("AVI", "avi")),
    (0, b"RIFX", Container("big-endian WAV", "rifx")),
    (0, b"caff", Container("CAF", "caf")),
    (0, b".snd", Container("AU", "au")),
    (0, b"riff\x2e\x91\xcf\x11", Container("Wave64", "w64")),
    (0, b"ID3", MP3),
    (0, b"\x1aE\xdf\xa3", Container("Matroska", "matroska")),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", Container("ASF", "asf")),
    (0, b"FLV\x01", Container("FLV", "flv")),
    (0, b"\0\0\x01\xba", Container("MPEG", "mpeg")),
    (0, b"#!AMR", Container("AMR", "amr")),
    (0, b"ADIF", Container("AAC", "aac")),
    (0, b"wvpk", Container("WavPack", "wv")),
    (0, b"MAC ", Container("Monkey's Audio", "ape")),
    (0, b"TTA1", Container("TTA", "tta")),
    (0, b"tBaK", Container("TAK", "tak")),
    (0, b"MPCK", Container("Musepack", "mpc8")),
    (0, b"MP+", Container("Musepack", "mpc")),
    (0, b"DSD \x1c", Container("DSF", "dsf")),
    (0, b"FRM8", Container("DSDIFF", "iff")),
    (0, b".RMF", Container("RealMedia", "rm")),
    (0, b"Creative Voice File", Container("VOC", "voc")),
    (0, b"nut/multimedia container\0", Container("NUT", "nut")),
    (0, b"\x06\x0e\x2b\x34\x02\x05\x01\x01", Container("MXF", "mxf")),
    (0, b"\x0b\x77", Container("AC-3", "ac3")),
    (0, b"\x7f\xfe\x80\x01", Container("DTS", "dts")),
)
_BOXES = frozenset((b"ftyp", b"styp", b"moov", b"moof", b"mdat", b"wide", b"free", b"skip"))
_PLAYLISTS = (b"#EXTM3U", b"ffconcat version", b"[playlist]", b"v=0\r\n", b"v=0\n")

NEED_SEEKING = tuple(
    container
    for _, _, container in _BY_MAGIC
    if container.demuxer in "aiff w64 rifx ape mpc8 mxf iff wv".split()
)
"""Containers that cannot be decoded while they arrive, because their index is at the end, or
because ffmpeg does not accept unknown sizes; WavPack's tags would be taken for damage."""

KNOWN_DEMUXERS = tuple(
    dict.fromkeys(
        (
            *(container.demuxer for _, _, container in _BY_MAGIC),
            *"wav mov mpegts aac loas eac3 truehd gsm shn xwma adx aax aea aptx wsd qcp".split(),
        )
    )
)
"""ffmpeg's names of the formats that may be read: all hold their media themselves. A playlist would
make ffmpeg read files that the user has not named."""


def recognise(head: bytes) -> Container | None:
    """The container or codec that begins with these bytes; None if it is not known.

    >>> recognise(b"RIFF\\x24\\x00\\x00\\x00WAVE").name, recognise(bytes(12))
    ('WAV', None)
    """
    if head[:4] in (b"RIFF", b"RF64", b"BW64") and head[8:12] == b"WAVE":
        return WAV
    if head[4:8] in _BOXES:
        return MP4
    for at, magic, container in _BY_MAGIC:
        if head[at : at + len(magic)] == magic and _is_likely(container, head):
            return container
    for looks_like, container in _BY_FRAMES:
        if looks_like(head):
            return container
    return None


_NO_AUDIO: tuple[tuple[bytes, str], ...] = (
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x1f\x8b\x08", "compressed by gzip"),
    (b"BZh9", "compressed by bzip2"),
    (b"\xfd7zXZ\0", "compressed by xz"),
    (b"\x28\xb5\x2f\xfd", "compressed by zstd"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"%PDF-", "a PDF"),
    (b"\x89PNG\r\n", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"GIF8", "a picture"),
    (b"\x7fELF", "a program"),
)


def what_else(head: bytes) -> str | None:
    """The kind of a file without audio that begins with these bytes; None if it is not known.

    >>> what_else(b"%PDF-1.4"), what_else(bytes(12))
    ('a PDF', None)
    """
    return next((kind for magic, kind in _NO_AUDIO if head.startswith(magic)), None)


def id3_bytes(head: "bytes | mmap") -> int:
    """The total length of the ID3 tags at the beginning of a file (ID3v2.4, section 3).

    >>> id3_bytes(b"ID3\\x04\\0\\0\\0\\0\\x01\\x02" + bytes(130) + b"fLaC")
    140
    """
    at = 0
    while head[at : at + 3] == b"ID3" and len(head) >= at + 10:
        size = head[at + 6 : at + 10]
        footer = 10 if head[at + 5] & 0x10 else 0
        at += 10 + (size[0] << 21 | size[1] << 14 | size[2] << 7 | size[3]) + footer
    return at


def is_playlist(head: bytes) -> bool:
    """Whether the file is a playlist, which names other files and holds no media itself."""
    return head.lstrip(b"\xef\xbb\xbf \r\n").startswith(_PLAYLISTS)


def is_text(head: bytes) -> bool:
    """Whether the bytes are text, such as a page or a script, and no samples."""
    if len(head) < 16:
        return False
    text = head[:256]
    return sum(32 <= byte < 127 or byte in b"\t\r\n" for byte in text) > 0.95 * len(text)


def index_is_last(head: bytes) -> bool | None:
    """Whether an MP4's index follows its media, so that it cannot be decoded while it arrives.

    Returns:
        None if these first bytes do not show it.
    """
    at = 0
    while at + 8 <= len(head):
        size, name = int.from_bytes(head[at : at + 4], "big"), head[at + 4 : at + 8]
        if name in (b"moov", b"moof"):
            return False
        if name == b"mdat":
            return True
        if size < 8:
            return True
        at += size
    return None


def _is_likely(container: Container, head: bytes) -> bool:
    """Whether the magic is no accident: two bytes may be samples, so the next frame decides."""
    if container.demuxer == "ac3":
        return len(head) > 5 and head[5] >> 3 <= 16 and head.find(b"\x0b\x77", 6) > 0
    return True


def _is_mpeg_audio(head: bytes) -> bool:
    """Whether two frames of MP3 come first, or as much of them as the bytes hold."""
    size = _mpeg_frame_bytes(head)
    return size is not None and (len(head) < size + 4 or bool(_mpeg_frame_bytes(head[size:])))


def _is_adts(head: bytes) -> bool:
    """Whether two ADTS frames of AAC come first, or as much of them as the bytes hold."""
    size = _adts_frame_bytes(head)
    return size is not None and (len(head) < size + 7 or bool(_adts_frame_bytes(head[size:])))


def _is_loas(head: bytes) -> bool:
    if len(head) < 3 or head[0] != 0x56 or head[1] & 0xE0 != 0xE0:
        return False
    size = 3 + ((head[1] & 0x1F) << 8 | head[2])
    return head[size : size + 1] == b"\x56"


def _is_mpegts(head: bytes) -> bool:
    """Whether packets of 188 bytes come first; cameras write 4 more bytes before each."""
    return any(
        len(head) > first + 2 * step and all(head[first + n * step] == 0x47 for n in range(3))
        for first, step in ((0, 188), (4, 192))
    )


# Kilobits a second by MPEG version and layer, from index 1: ISO/IEC 11172-3 and 13818-3.
_KBPS = {
    (1, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (1, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (1, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (2, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (2, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_KBPS[2, 3] = _KBPS[2, 2]
_XING_WITHIN = 200
_RATES_HZ = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}


def _mpeg_frame_bytes(head: bytes) -> int | None:
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return None
    version, layer = head[1] >> 3 & 3, 4 - (head[1] >> 1 & 3)
    rate_index, hz_index, padding = head[2] >> 4, head[2] >> 2 & 3, head[2] >> 1 & 1
    if version == 1 or layer == 4 or rate_index in (0, 15) or hz_index == 3:
        return None
    first = version == 3
    bits_a_second = _KBPS[1 if first else 2, layer][rate_index - 1] * 1000
    hz = _RATES_HZ[version][hz_index]
    if layer == 1:
        return (12 * bits_a_second // hz + padding) * 4
    frames = 1152 if first or layer == 2 else 576
    return frames // 8 * bits_a_second // hz + padding


def mp3_length_s(head: bytes) -> float | None:
    """The length that the Xing header of an MP3 gives; None without one. Encoders write it.

    It includes the encoder's delay, which ffmpeg decodes too.
    """
    if _mpeg_frame_bytes(head) is None:
        return None
    at = max(head.find(b"Xing", 0, _XING_WITHIN), head.find(b"Info", 0, _XING_WITHIN))
    if at < 0 or len(head) < at + 12 or not head[at + 7] & 1:
        return None
    version = head[1] >> 3 & 3
    frames = int.from_bytes(head[at + 8 : at + 12], "big")
    return frames * (1152 if version == 3 else 576) / _RATES_HZ[version][head[2] >> 2 & 3]


def _adts_frame_bytes(head: bytes) -> int | None:
    if len(head) < 7 or head[0] != 0xFF or head[1] & 0xF6 != 0xF0 or head[2] >> 2 & 15 > 12:
        return None
    size = (head[3] & 3) << 11 | head[4] << 3 | head[5] >> 5
    return size if size >= 7 else None


_BY_FRAMES: tuple[tuple[Callable[[bytes], bool], Container], ...] = (
    (_is_adts, Container("AAC", "aac")),
    (_is_mpeg_audio, MP3),
    (_is_loas, Container("AAC", "loas")),
    (_is_mpegts, _TS),
)
