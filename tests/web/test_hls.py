"""HLS playlists read."""

import pytest

from transcribe_cli.errors import AudioError
from transcribe_cli.web.hls import EncryptionKey, Stretch, choose_variant, is_hls, read_media

BASE = "https://cdn.example/a/list.m3u8"


def test_segments_are_numbered_by_the_playlist() -> None:
    text = """#EXTM3U
#EXT-X-TARGETDURATION:6
#EXT-X-MEDIA-SEQUENCE:41
#EXT-X-MAP:URI="init.mp4",BYTERANGE="700@0"
#EXTINF:5.96, first
one.m4s?x=1
#EXT-X-GAP
#EXTINF:6
/two.m4s
#EXTINF:nan
#EXT-X-BYTERANGE:100@50
all.m4s
#EXTINF:1
#EXT-X-BYTERANGE:20
all.m4s
"""
    one, two, three, four = read_media(text, BASE).segments
    assert (one.number, one.media.address) == (41, "https://cdn.example/a/one.m4s?x=1")
    assert (one.duration_s, one.head) == (5.96, Stretch("https://cdn.example/a/init.mp4", 0, 700))
    assert (two.number, two.media, two.is_missing) == (
        *(42, Stretch("https://cdn.example/two.m4s"), True),
    )
    assert (three.media[1:3], three.duration_s) == ((50, 100), 0.0)
    assert (four.media[1:3], four.is_missing) == ((150, 20), False)


def test_live_stream_is_heard_from_three_target_durations_before_its_end() -> None:
    lines = [f"#EXTINF:4\n{n}.ts" for n in range(10)]
    text = "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXT-X-MEDIA-SEQUENCE:100\n" + "\n".join(lines)
    playlist = read_media(text, BASE)
    assert (playlist.live_edge, playlist.is_over) == (107, False)
    assert read_media(text + "\n#EXT-X-ENDLIST", BASE).is_over
    assert read_media("#EXTM3U\n", BASE) == ([], 1.0, False)


def test_odd_numbers_of_a_stranger_end_nothing() -> None:
    huge = "9" * 5000
    text = f"""#EXTM3U
#EXT-X-MEDIA-SEQUENCE:{huge}
#EXTINF:1e300,
#EXT-X-BYTERANGE:{huge}@{huge}
http://[a
#EXTINF:inf,
#EXT-X-BYTERANGE:7@{huge}
b.ts"""
    one, two = read_media(text, BASE).segments
    assert (one.number, one.duration_s, one.media) == (0, 600.0, Stretch("http://[a"))
    assert (two.duration_s, two.media[1:3]) == (600.0, (0, 7))
    assert choose_variant(f"#EXT-X-STREAM-INF:BANDWIDTH={huge}\nhttp://[b", BASE) == "http://[b"


def test_key_holds_until_the_next_one_and_its_vector_is_the_number_where_none_is_named() -> None:
    text = f"""#EXTM3U
#EXT-X-MEDIA-SEQUENCE:258
#EXT-X-KEY:METHOD=SAMPLE-AES,KEYFORMAT="com.example",URI="x"
#EXT-X-KEY:METHOD=AES-128,URI="k1"
#EXTINF:1
a.ts
#EXTINF:1
b.ts
#EXT-X-KEY:METHOD=AES-128,URI="k2",IV=0x{"0a" * 16}
#EXTINF:1
c.ts
#EXT-X-KEY:METHOD=NONE
#EXTINF:1
d.ts"""
    keys = [segment.media.key for segment in read_media(text, BASE).segments]
    assert keys == [
        EncryptionKey("https://cdn.example/a/k1", bytes(14) + b"\1\2"),
        EncryptionKey("https://cdn.example/a/k1", bytes(14) + b"\1\3"),
        EncryptionKey("https://cdn.example/a/k2", b"\n" * 16),
        None,
    ]


@pytest.mark.parametrize(
    ("lines", "head", "media"),
    [
        (("1", "2", "seg"), None, "2"),
        (("1", "map", "2", "seg"), "1", "2"),
        (("1", "apple", "seg", "apple", "seg"), None, "1"),
        (("apple", "1", "seg", "apple", "seg"), None, "1"),
    ],
)
def test_key_holds_until_the_next_one_of_its_format(
    lines: tuple[str, ...], head: str | None, media: str
) -> None:
    what = {
        "1": '#EXT-X-KEY:METHOD=AES-128,URI="1"',
        "2": '#EXT-X-KEY:METHOD=AES-128,URI="2",KEYFORMAT="identity"',
        "apple": '#EXT-X-KEY:METHOD=SAMPLE-AES,KEYFORMAT="com.apple.streamingkeydelivery"',
        "map": '#EXT-X-MAP:URI="init.mp4"',
        "seg": "#EXTINF:1\na.ts",
    }
    last = read_media("\n".join(["#EXTM3U", *(what[line] for line in lines)]), BASE).segments[-1]
    keys = [of and of.key and of.key.address for of in (last.head, last.media)]
    assert keys == [head and f"https://cdn.example/a/{head}", f"https://cdn.example/a/{media}"]


@pytest.mark.parametrize(
    "key", ['METHOD=SAMPLE-AES,URI="k"', 'METHOD=AES-128,KEYFORMAT="com.example",URI="k"']
)
def test_protected_segments_are_refused(key: str) -> None:
    with pytest.raises(AudioError, match="is protected"):
        read_media(f"#EXTM3U\n#EXT-X-KEY:{key}\n#EXTINF:1\na.ts", BASE)


@pytest.mark.parametrize(
    ("lines", "chosen"),
    [
        (
            [
                "#EXT-X-STREAM-INF:BANDWIDTH=900",
                "hi.m3u8",
                "#EXT-X-STREAM-INF:BANDWIDTH=80",
                "lo.m3u8",
            ],
            "lo",
        ),
        (
            [
                '#EXT-X-STREAM-INF:BANDWIDTH=50,RESOLUTION=1x1,CODECS="avc1"',
                "blind.m3u8",
                '#EXT-X-STREAM-INF:BANDWIDTH=70,RESOLUTION=1x1,CODECS="avc1,mp4a.40.2"',
                "film.m3u8",
                '#EXT-X-STREAM-INF:BANDWIDTH=90,CODECS="mp4a.40.2"',
                "sound.m3u8",
            ],
            "sound",
        ),
        (
            [
                '#EXT-X-STREAM-INF:BANDWIDTH=70,RESOLUTION=1x1,CODECS="avc1,mp4a",AUDIO="a"',
                "film.m3u8",
                '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="x, y",URI="other.m3u8"',
                '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="z",DEFAULT=YES,URI="first.m3u8"',
            ],
            "first",
        ),
        (["#EXTINF:1", "a.ts"], None),
    ],
)
def test_least_of_what_can_be_heard_is_chosen(lines: list[str], chosen: str | None) -> None:
    found = choose_variant("\n".join(["#EXTM3U", *lines]), BASE)
    assert found == (chosen and f"https://cdn.example/a/{chosen}.m3u8")


def test_list_of_files_is_no_hls() -> None:
    assert is_hls(b"#EXTM3U\n#EXT-X-VERSION:3\n")
    assert not is_hls(b"#EXTM3U\n#EXTINF:10,Song\n/home/ana/song.mp3\n")
