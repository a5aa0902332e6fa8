"""`aai-stream file` against a service that knows exactly which words must come out."""

import json
import wave
from itertools import pairwise

import pytest

from tests.counting import WORD_MS, counting_service, speak, true_times, write_wav
from tests.program import Home, finals, finish, words

pytestmark = pytest.mark.usefixtures("in_process")


def expected(count: int) -> list[str]:
    return [f"w{number}" for number in range(1, count + 1)]


def test_every_word_comes_out_once_at_its_true_time(home: Home) -> None:
    write_wav(home.work / "talk.wav", 33)
    with counting_service() as service:
        outcome = home.run("file", "talk.wav", "--endpoint", service.url, "--jsonl")
    assert outcome.code == 0, outcome.err
    assert words(outcome.records) == expected(33)
    for turn in finals(outcome.records):
        for word in turn["words"]:
            start, end = true_times(int(word["text"][1:]))
            assert abs(word["start"] - start) <= 20
            assert abs(word["end"] - end) <= 20
    assert service.sessions[0].terminated


def test_records_follow_their_contract(home: Home) -> None:
    write_wav(home.work / "talk.wav", 12)
    with counting_service() as service:
        outcome = home.run("file", "talk.wav", "--endpoint", service.url, "--jsonl")
    records = outcome.records
    assert [record["seq"] for record in records] == list(range(len(records)))
    assert {record["v"] for record in records} == {1}
    assert records[0]["type"] == "Recording"
    assert records[0]["source"] == "talk.wav"
    assert records[-1]["type"] == "Summary"
    summary = records[-1]
    assert (summary["turns"], summary["words"], summary["sessions"]) == (3, 12, 1)
    assert summary["complete"] is True
    assert summary["terminated"] is True
    assert summary["lost_ms"] == 0
    assert summary["audio_s"] == pytest.approx(1.2)
    turns = [record for record in records if record["type"] == "Turn"]
    for turn in turns:
        assert turn.keys() >= {"session", "session_offset_ms", "turn", "start", "end", "final"}
        assert turn.keys() >= {"turn_order", "transcript", "words", "utterance"}
    assert [turn["turn"] for turn in finals(records)] == [0, 1, 2]


def test_journal_holds_the_same_records_as_standard_output(home: Home) -> None:
    write_wav(home.work / "talk.wav", 12)
    with counting_service() as service:
        outcome = home.run("file", "talk.wav", "--endpoint", service.url, "--jsonl")
    folder = home.only_recording()
    assert (folder / "journal.jsonl").read_text() == outcome.out
    assert (folder / "transcript.txt").read_text().split() == expected(12)
    assert folder.name.endswith("-talk")
    assert not (folder / "audio.wav").exists()  # the source is there already


def test_a_pipe_gets_one_line_for_each_final_turn(home: Home) -> None:
    write_wav(home.work / "talk.wav", 10)
    with counting_service() as service:
        outcome = home.run("file", "talk.wav", "--endpoint", service.url)
    assert outcome.out == "w1 w2 w3 w4 w5\nw6 w7 w8 w9 w10\n"
    assert outcome.code == 0


def test_audio_is_paced_in_real_time_in_chunks_of_50_ms(home: Home) -> None:
    write_wav(home.work / "talk.wav", 20)
    with counting_service() as service:
        home.run("file", "talk.wav", "--endpoint", service.url, "--text")
    seen = service.sessions[0]
    assert set(seen.chunks_ms) == {50.0}
    assert seen.arrivals[-1] - seen.arrivals[0] == pytest.approx(1.95, abs=0.3)
    assert bytes(seen.audio) == speak(20)


def test_a_short_tail_goes_with_the_chunk_before_it(home: Home) -> None:
    write_wav(home.work / "talk.wav", 3)
    with wave.open(str(home.work / "odd.wav"), "wb") as file:
        file.setparams((1, 2, 16000, 0, "NONE", ""))
        file.writeframes(speak(3)[:-200])
    with counting_service() as service:
        home.run("file", "odd.wav", "--endpoint", service.url, "--text", "--pace", "max")
    seen = service.sessions[0]
    assert all(50 <= chunk <= 1000 for chunk in seen.chunks_ms)
    assert bytes(seen.audio) == speak(3)[:-200]


def test_standard_input_is_read_raw_and_saved(home: Home) -> None:
    with counting_service() as service:
        outcome = home.run("file", "-", "--endpoint", service.url, "--jsonl", data=speak(15))
    assert words(outcome.records) == expected(15)
    with wave.open(str(home.only_recording() / "audio.wav")) as file:
        assert file.getframerate() == 16000
        assert file.readframes(10**9) == speak(15)


def test_standard_input_is_recognised_by_its_header(home: Home) -> None:
    data = write_wav(home.work / "talk.wav", 15).read_bytes()
    with counting_service() as service:
        outcome = home.run("file", "-", "--endpoint", service.url, "--jsonl", data=data)
    assert words(outcome.records) == expected(15)
    assert bytes(service.sessions[0].audio) == speak(15)


def test_several_files_become_one_stream_of_records_that_name_their_source(home: Home) -> None:
    write_wav(home.work / "one.wav", 5)
    write_wav(home.work / "two.wav", 10)
    (home.work / "two.txt").write_text("mine")
    with counting_service() as service:
        outcome = home.run(
            *("file", "one.wav", "missing.wav", "two.wav"),
            *("--endpoint", service.url, "--jsonl", "-o", "{stem}.txt", "-o", "all.txt"),
        )
    assert outcome.code == 3
    assert "missing.wav" in outcome.err
    assert [(turn["source"], turn["transcript"]) for turn in finals(outcome.records)] == [
        ("one.wav", "w1 w2 w3 w4 w5"),
        ("two.wav", "w1 w2 w3 w4 w5"),
        ("two.wav", "w6 w7 w8 w9 w10"),
    ]
    assert (home.work / "two.txt").read_text() == "w1 w2 w3 w4 w5\nw6 w7 w8 w9 w10\n"
    assert (home.work / "all.txt").read_text().startswith("# one.wav\nw1")
    told = outcome.err.splitlines()
    assert {"written: all.txt", "written: one.txt", "replaced: two.txt"} < set(told)


def test_a_reader_that_goes_away_ends_the_run_quietly(home: Home) -> None:
    write_wav(home.work / "talk.wav", 60)
    with counting_service() as service:
        process = home.start("file", "talk.wav", "--endpoint", service.url)
        assert process.stdout is not None
        assert process.stdout.readline() == b"w1 w2 w3 w4 w5\n"
        process.stdout.close()
        process.stdout = None
        outcome = finish(process)
    assert outcome.code == 0
    assert "Traceback" not in outcome.err
    assert service.sessions[0].terminated
    journal = (home.only_recording() / "journal.jsonl").read_text().splitlines()
    assert json.loads(journal[-1])["type"] == "Summary"


def test_parameters_go_out_as_the_service_reads_them(home: Home) -> None:
    write_wav(home.work / "talk.wav", 2)
    with counting_service() as service:
        home.run(
            *("file", "talk.wav", "--endpoint", service.url + "/v3/ws", "--model", "whisper-rt"),
            *("--detect-language", "--param", "customer=a b", "--pace", "max"),
            env={"ASSEMBLYAI_API_KEY": "the-key"},
        )
    seen = service.sessions[0]
    assert seen.query == {
        "speech_model": ["whisper-rt"],
        "sample_rate": ["16000"],
        "format_turns": ["true"],
        "language_detection": ["true"],
        "customer": ["a b"],
    }
    assert seen.headers["authorization"] == "the-key"
    assert "origin" not in seen.headers


def test_a_temporary_token_goes_into_the_query_and_no_key_with_it(home: Home) -> None:
    write_wav(home.work / "talk.wav", 2)
    with counting_service() as service:
        outcome = home.run(
            *("file", "talk.wav", "--endpoint", service.url, "--jsonl", "-v", "--pace", "max"),
            env={"AAI_STREAM_TOKEN": "the-token", "ASSEMBLYAI_API_KEY": "the-key"},
        )
    assert service.sessions[0].query["token"] == ["the-token"]
    assert "authorization" not in service.sessions[0].headers
    everything = outcome.out + outcome.err + (home.only_recording() / "journal.jsonl").read_text()
    assert "the-token" not in everything
    assert "the-key" not in everything


def test_options_come_from_the_environment_the_dotenv_and_the_settings_in_this_order(
    home: Home,
) -> None:
    write_wav(home.work / "talk.wav", 2)
    settings = home.path / "config" / "aai-stream" / "config.toml"
    settings.parent.mkdir(parents=True)
    settings.write_text('model = "whisper-rt"\nmin-turn-silence = 300\nmax-turn-silence = 900\n')
    (home.work / ".env").write_text("AAI_STREAM_MODEL=u3-rt-pro\nAAI_STREAM_MIN_TURN_SILENCE=200\n")
    with counting_service() as service:
        outcome = home.run(
            *("file", "talk.wav", "--endpoint", service.url, "--pace", "max"),
            env={"AAI_STREAM_MODEL": "universal-streaming-english"},
        )
    assert outcome.code == 0, outcome.err
    query = service.sessions[0].query
    assert query["speech_model"] == ["universal-streaming-english"]
    assert query["min_turn_silence"] == ["200"]
    assert query["max_turn_silence"] == ["900"]


def test_no_save_leaves_nothing_behind_and_record_leaves_the_audio(home: Home) -> None:
    for name in ("take.wav", "take.flac"):
        with counting_service() as service:
            home.run(
                *("file", "-", "--endpoint", service.url, "--no-save", "--record", name),
                data=speak(4),
            )
    assert not home.recordings.exists()
    import soundfile

    for name in ("take.wav", "take.flac"):
        assert bytes(soundfile.SoundFile(home.work / name).buffer_read(dtype="int16")) == speak(4)


def test_the_longest_duration_stops_a_file(home: Home) -> None:
    write_wav(home.work / "talk.wav", 80)
    with counting_service() as service:
        outcome = home.run(
            "file", "talk.wav", "--endpoint", service.url, "--jsonl", "--max-duration", "2"
        )
    assert outcome.code == 6
    assert service.sessions[0].terminated
    assert words(outcome.records) == expected(20)
    assert sum(service.sessions[0].chunks_ms) == 2000
    assert outcome.records[-1]["complete"] is False


def test_formats_are_read_at_any_rate_and_channel_count(home: Home) -> None:
    import numpy as np
    import soundfile

    mono = np.frombuffer(speak(10), "<i2").astype(np.float32) / 32768
    stereo = np.stack([mono, mono], axis=1)
    soundfile.write(home.work / "talk.flac", stereo, 16000, subtype="PCM_16")
    with counting_service() as service:
        outcome = home.run(
            "file", "talk.flac", "--endpoint", service.url, "--jsonl", "--pace", "max"
        )
    assert words(outcome.records) == expected(10)
    soundfile.write(home.work / "high.wav", np.repeat(stereo, 3, axis=0), 48000, subtype="FLOAT")
    with counting_service() as service:
        home.run("file", "high.wav", "--endpoint", service.url, "--pace", "max")
    sent_ms = sum(service.sessions[0].chunks_ms)
    assert sent_ms == pytest.approx(10 * WORD_MS, abs=50)


def test_lines_come_while_the_file_is_spoken(home: Home) -> None:
    write_wav(home.work / "talk.wav", 40)
    with counting_service() as service:
        process = home.start("file", "talk.wav", "--endpoint", service.url, "--jsonl")
        assert process.stdout is not None
        times = []
        for line in process.stdout:
            record = json.loads(line)
            if record["type"] == "Turn" and record["final"]:
                times.append(record["time"])
        finish(process)
    assert len(times) == 8
    assert all(earlier < later for earlier, later in pairwise(times))


def test_the_module_is_the_same_program(home: Home) -> None:
    assert home.run("--version").out.startswith("aai-stream ")
    nothing_asked = home.run()
    assert nothing_asked.code == 2
    assert nothing_asked.err.startswith("Usage: aai-stream")
    help_text = home.run("--help").out
    assert all(name in help_text for name in ("mic", "file", "devices", "models", "serve"))
