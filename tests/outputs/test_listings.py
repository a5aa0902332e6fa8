"""Tables fit the terminal: the widest cells are wrapped, and nothing is left out."""

import pytest

from transcribe_cli.cli import run
from transcribe_cli.outputs.listings import table_lines

ROWS = [
    ("*", "whisper-rt", "detect, [tags]"),
    (" ", "universal-streaming-english", "key terms, speakers"),
]


def test_a_table_that_fits_has_a_line_for_each_row() -> None:
    assert table_lines(("", "model", "can"), ROWS) == [
        "   model                        can",
        "*  whisper-rt                   detect, [tags]",
        "   universal-streaming-english  key terms, speakers",
    ]


def test_a_wide_table_is_wrapped_by_its_widest_cells() -> None:
    lines = table_lines(("", "model", "can"), ROWS, 44)

    assert max(map(len, lines)) <= 44
    assert any("universal-streaming-english" in line for line in lines)
    told = "".join("".join(lines).split())
    for row in ROWS:
        for word in row[2].split():
            assert word.strip(",") in told


def test_control_characters_are_removed() -> None:
    assert "\x1b" not in "".join(table_lines(("name",), [("a\x1b[31mb",)]))


@pytest.mark.parametrize("command", ["models", "languages"])
@pytest.mark.parametrize("columns", [60, 80, 200])
def test_lists_fit_the_terminal(
    command: str, columns: int, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))

    assert run([command]) == 0
    assert max(map(len, capfd.readouterr().out.splitlines())) <= columns
