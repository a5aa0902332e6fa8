"""Two lines to type for each command: the end of its help, and a hint where something is missing.

None of them names a file that only a clone of the project has.
"""

from transcribe_cli import PROGRAM

# By what is typed after the program's name.
EXAMPLES: dict[str, tuple[str, str]] = {
    "": ("aai-stream doctor", "aai-stream mic"),
    "mic": (
        "aai-stream mic --model whisper-rt --detect-language",
        "aai-stream mic --max-duration 1h -o meeting.md -o meeting.srt",
    ),
    "file": (
        "aai-stream file interview.mp3 -o interview.md",
        "aai-stream file *.wav --jobs 4 -o '{stem}.srt'",
    ),
    "devices": ("aai-stream devices", "aai-stream devices --json"),
    "models": ("aai-stream models", "aai-stream models --local"),
    "languages": ("aai-stream languages", "aai-stream languages --json"),
    "token": (
        "aai-stream token",
        "aai-stream token --expires-in 300 --max-session 1800",
    ),
    "replay": ("aai-stream replay latest --speed 4", "aai-stream replay talk.jsonl --instant"),
    "merge": (
        "aai-stream merge shard-*.jsonl -o all.md",
        "aai-stream merge shard-1.jsonl shard-2.jsonl --format jsonl",
    ),
    "doctor": ("aai-stream doctor", "aai-stream doctor --local"),
    "serve": (
        "aai-stream serve",
        "aai-stream serve --engine counting --fault drop@word=40",
    ),
    "recordings": (
        "aai-stream recordings list",
        "aai-stream recordings export latest -o notes.md",
    ),
    "recordings list": ("aai-stream recordings list", "aai-stream recordings list --json"),
    "recordings show": (
        "aai-stream recordings show latest",
        "aai-stream recordings show 2026-06-01-0930",
    ),
    "recordings recover": (
        "aai-stream recordings recover latest",
        "aai-stream recordings recover 2026-06-01-0930",
    ),
    "recordings rm": (
        "aai-stream recordings rm 2026-06-01-0930",
        "aai-stream recordings rm latest --yes",
    ),
    "recordings resume": (
        "aai-stream recordings resume latest",
        "aai-stream recordings resume latest --local",
    ),
    "recordings export": (
        "aai-stream recordings export latest -o notes.md",
        "aai-stream recordings export latest -o talk.srt -o talk.json",
    ),
}


def examples_of(path: str) -> tuple[str, ...]:
    """Those of a command, by the whole of its name.

    >>> examples_of("aai-stream models")
    ('aai-stream models', 'aai-stream models --local')
    """
    return EXAMPLES.get(path.removeprefix(PROGRAM).strip(), ())
