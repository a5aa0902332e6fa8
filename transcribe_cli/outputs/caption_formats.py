"""The formats of caption files, one cue at a time: SubRip, WebVTT, Advanced SubStation, LRC. Pure.

What each is: SubRip as players read it (there is no specification); W3C's "WebVTT: The Web Video
Text Tracks Format"; for Advanced SubStation the wiki of libass, "ASS File Format Guide"; for LRC
the "Simple format" of Wikipedia's "LRC (file format)".

The library pysubs2 is not used: it reads braces and backslashes of a text as commands, does not
escape text in WebVTT, has no voice tags, and knows no LRC.
"""

import re
from collections.abc import Callable
from typing import Literal, NamedTuple

from transcribe_cli.transcript.caption_cues import Cue

Kind = Literal["srt", "vtt", "ass", "lrc"]


class CaptionFormat(NamedTuple):
    """How a file of captions begins, and what a cue is in it.

    Attributes:
        encode: a cue, its number from 1, and when the cue before it ends (ms).
    """

    header: str
    encode: Callable[[Cue, int, int], str]


# A word joiner, which is invisible and has no width, is put into whatever a player would take for
# more than text, where a format has no escape for it.
_JOINED = "\\g<0>\u2060"
# Of SubRip: a tag (also "< b"), a command such as {\an8}, a line break or the arrow between times.
_SRT_MARKUP = re.compile(r"<|\{(?=\\)|\\(?=[Nnh{}])|--(?=>)")
_VTT_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
# Of Advanced SubStation: commands stand in braces, which a backslash escapes; ffmpeg does not know
# that, but only takes `{\` for the beginning of one.
_ASS_BRACES = re.compile(r"[{}]")
_ASS_BACKSLASH = re.compile(r"\\")
# Of LRC: what is a time or a field before a line, and the time of a word within it.
_LRC_TIMES = re.compile(r"\[(?=\d+:|[A-Za-z#]+:)|<(?=\d+:)")

_ASS_HEADER = """\
[Script Info]
ScriptType: v4.00+
PlayResX: 1920
PlayResY: 1080
WrapStyle: 0
ScaledBorderAndShadow: yes

[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, \
Italic, Underline, StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, \
Alignment, MarginL, MarginR, MarginV, Encoding
Style: Default,Arial,60,&H00FFFFFF,&H000000FF,&H00000000,&H80000000,0,0,0,0,100,100,0,0,1,3,1,2,\
60,60,50,1

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
"""


def encode_srt(cue: Cue, number: int, _before_ms: int = 0) -> str:
    """One cue of a SubRip file; cues are numbered from 1.

    >>> encode_srt(Cue(0, 1500, ("Hi.",), "A"), 1)
    '1\\n00:00:00,000 --> 00:00:01,500\\nA: Hi.\\n\\n'
    """
    times = f"{_timestamp(cue.start_ms)} --> {_timestamp(cue.end_ms)}".replace(".", ",")
    text = _SRT_MARKUP.sub(_JOINED, _named("\n".join(cue.lines), cue.speaker))
    return f"{number}\n{times}\n{text}\n\n"


def encode_vtt(cue: Cue, _number: int = 0, _before_ms: int = 0) -> str:
    """One cue of a WebVTT file, which needs no number.

    >>> encode_vtt(Cue(0, 1500, ("Q&A",), "A"))
    '00:00:00.000 --> 00:00:01.500\\n<v A>Q&amp;A\\n\\n'
    """
    times = f"{_timestamp(cue.start_ms)} --> {_timestamp(cue.end_ms)}"
    voice = f"<v {cue.speaker.translate(_VTT_ENTITIES)}>" if cue.speaker else ""
    return f"{times}\n{voice}" + "\n".join(cue.lines).translate(_VTT_ENTITIES) + "\n\n"


def encode_ass(cue: Cue, _number: int = 0, _before_ms: int = 0) -> str:
    """One cue of an Advanced SubStation file. Players show no speaker's name, so the text has it.

    >>> encode_ass(Cue(0, 1500, ("Hi,", "you."), "A"))
    'Dialogue: 0,0:00:00.00,0:00:01.50,Default,A,0,0,0,,A: Hi,\\\\Nyou.\\n'
    """
    times = ",".join(_in_hundredths(time_ms) for time_ms in (cue.start_ms, cue.end_ms))
    name = (cue.speaker or "").replace(",", " ")
    lines = [_ASS_BACKSLASH.sub(_JOINED, line) for line in cue.lines]
    text = _ASS_BRACES.sub("\\\\" + _JOINED, _named(r"\N".join(lines), cue.speaker))
    return f"Dialogue: 0,{times},Default,{name},0,0,0,,{text}\n"


def encode_lrc(cue: Cue, _number: int = 0, before_ms: int = 0) -> str:
    """One line of an LRC file, with an empty one before it where nothing was said for a while.

    A line stands until the next one, since LRC has no ends.

    >>> encode_lrc(Cue(61_000, 62_500, ("Hi,", "you."), "A"), 2, 1_500)
    '[00:01.50]\\n[01:01.00]A: Hi, you.\\n'
    """
    silence = f"[{_in_minutes(before_ms)}]\n" if 0 < before_ms < cue.start_ms else ""
    text = _LRC_TIMES.sub(_JOINED, _named(" ".join(cue.lines), cue.speaker))
    return f"{silence}[{_in_minutes(cue.start_ms)}]{text}\n"


FORMATS: dict[Kind, CaptionFormat] = {
    "srt": CaptionFormat("", encode_srt),
    "vtt": CaptionFormat("WEBVTT\n\n", encode_vtt),
    "ass": CaptionFormat(_ASS_HEADER, encode_ass),
    "lrc": CaptionFormat("", encode_lrc),
}


def _named(text: str, speaker: str | None) -> str:
    return f"{speaker}: {text}" if speaker else text


def _timestamp(time_ms: int) -> str:
    seconds, ms = divmod(time_ms, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}.{ms:03}"


def _in_hundredths(time_ms: int) -> str:
    """H:MM:SS.cc; rounded down, so that what does not overlap in ms does not here."""
    return _timestamp(time_ms)[:-1].removeprefix("0")


def _in_minutes(time_ms: int) -> str:
    """MM:SS.cc; hours are minutes in LRC."""
    seconds, hundredths = divmod(time_ms // 10, 100)
    minutes, seconds = divmod(seconds, 60)
    return f"{minutes:02}:{seconds:02}.{hundredths:02}"
