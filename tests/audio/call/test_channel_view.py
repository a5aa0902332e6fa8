"""Each channel of a log as a log of its own."""

from transcribe_cli.audio.audio_log import AudioLog
from transcribe_cli.audio.call.channel_view import channel_views
from transcribe_cli.audio.format import AudioFormat
from transcribe_cli.audio.trimmed_log import SEGMENT_S, TrimmedLog

STEREO = AudioFormat(8000, 2)


def test_channel_holds_its_own_samples() -> None:
    with AudioLog.temporary(STEREO) as log:
        here, there = channel_views(log)
        log.append(b"AaBbCcDdEeFf")

        assert (here.read(0, 3), there.read(0, 3)) == (b"AaCcEe", b"BbDdFf")
        assert there.read(2, 9) == b"Ff"
        assert there.frames == 3
        assert there.audio == AudioFormat(8000, 1)
        assert not here.ended
    assert here.ended


def test_log_waits_for_the_slower_channel() -> None:
    with AudioLog.temporary(STEREO) as log:
        here, there = channel_views(log)
        log.append(bytes(4 * 100))

        here.consumed(100)
        log.wake()  # so that it does not wait
        assert not log.wait_for_reader(50)
        there.consumed(80)
        log.wake()
        assert log.wait_for_reader(50)


def test_log_keeps_what_one_channel_may_read_again() -> None:
    frames = STEREO.frames(SEGMENT_S)
    with TrimmedLog.temporary(STEREO) as log:
        here, there = channel_views(log)
        log.append(bytes(4 * frames * 3))

        here.forget(2 * frames)
        assert there.first == 0
        there.forget(frames)
        assert (here.first, there.first) == (frames, frames)
