"""What services have been seen to say: conversations in `data/traces`, more in `data/messages`."""

from pathlib import Path

_DATA = Path(__file__).parent / "data"
_PATHS = {path.stem: path for path in sorted(_DATA.glob("*/*.jsonl"))}
NAMES = list(_PATHS)


def read_trace(name: str) -> list[str]:
    """A file's messages of the service; the client's lines and the comments are left out."""
    lines = _PATHS[name].read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line.startswith("{") and '"Terminate"' not in line]
