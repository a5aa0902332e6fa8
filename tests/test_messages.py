"""What users read: each error is one line that says what happened, and one that says what to do.

The texts are taken from the calls in the code, so that none is left out; what is put into them
counts as `PUT_IN`.
"""

import ast
import errno
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

import transcribe_cli
from transcribe_cli import errors
from transcribe_cli.errors import InternalError, StreamError, UsageError, explain_unexpected
from transcribe_cli.outputs.output import usage_error_if_unwritable
from transcribe_cli.protocol.close_codes import Verdict

PACKAGE = Path(transcribe_cli.__file__).parent
COLUMNS = 80
PUT_IN = "X" * 10
NUMBER = 4
NUMBERS = ("status", "http_status", "code")
WARNINGS = ("warning", "warn", "note", "SourceWarning", "SourceNote")
FINDINGS = ("warning",)  # of doctor: area, text, hint


class Call(NamedTuple):
    """A call that makes a text for users, with every text that its arguments may be."""

    place: str
    name: str
    texts: list[list[str] | None]


def texts_of(node: ast.expr, names: Mapping[str, ast.expr]) -> list[str] | None:
    """Every text that an expression may be; None where the code alone does not say."""
    match node:
        case ast.Constant(value=str(text)):
            return [text]
        case ast.Name(id=name) if name in names:
            return texts_of(names[name], {k: v for k, v in names.items() if k != name})
        case ast.IfExp(body=one, orelse=other):
            return [*(texts_of(one, names) or [PUT_IN]), *(texts_of(other, names) or [])]
        case ast.BinOp(op=ast.Add(), left=one, right=other):
            behind = texts_of(other, names) or [PUT_IN]
            return [a + b for a in texts_of(one, names) or [PUT_IN] for b in behind]
        case ast.JoinedStr(values=parts):
            found = [""]
            for part in parts:
                found = [a + b for a in found for b in part_texts(part, names)]
            return found
    return None


def part_texts(part: ast.expr, names: Mapping[str, ast.expr]) -> list[str]:
    if not isinstance(part, ast.FormattedValue):
        return texts_of(part, names) or []
    if part.format_spec is not None or ast.unparse(part.value) in NUMBERS:
        return ["0" * NUMBER]
    known = texts_of(part.value, names) if isinstance(part.value, ast.IfExp | ast.Name) else None
    return known or [PUT_IN]


def names_in(nodes: list[ast.AST]) -> dict[str, ast.expr]:
    """What names stand for that are given one value only."""
    given: dict[str, list[ast.expr]] = {}
    for node in nodes:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            given.setdefault(node.targets[0].id, []).append(node.value)
    return {name: values[0] for name, values in given.items() if len(values) == 1}


def nodes_in(body: list[ast.stmt]) -> list[ast.AST]:
    """What lies in a function or module, but not in a function in it; that comes as itself."""
    found: list[ast.AST] = []
    left: list[ast.AST] = list(body)
    while left:
        node = left.pop()
        found.append(node)
        if not isinstance(node, ast.FunctionDef):
            left.extend(ast.iter_child_nodes(node))
    return found


@cache
def calls() -> list[Call]:
    found: list[Call] = []
    for path in sorted(PACKAGE.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        found += calls_in(tree.body, {}, str(path.relative_to(PACKAGE)))
    return found


def calls_in(body: list[ast.stmt], outer: Mapping[str, ast.expr], file: str) -> Iterator[Call]:
    nodes = nodes_in(body)
    names = {**outer, **names_in(nodes)}
    for node in nodes:
        if isinstance(node, ast.FunctionDef):
            yield from calls_in(node.body, names, file)
        elif isinstance(node, ast.Call) and "pytest" not in ast.unparse(node.func):  # has its own
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            texts = [texts_of(argument, names) for argument in node.args]
            yield Call(f"{file}:{node.lineno}", name, texts)


def errors_called() -> list[Call]:
    kinds = [each for each in vars(errors).values() if isinstance(each, type)]
    names = {each.__name__ for each in kinds if issubclass(each, StreamError)}
    wanted = names - {InternalError.__name__} | {Verdict.__name__}
    own = [call for call in calls() if call.name == "__init__" and len(call.texts) == 2]
    return [call for call in calls() if call.name in wanted and call.texts] + own


def findings() -> list[Call]:
    return [c for c in calls() if c.place.startswith("doctor") and c.name in FINDINGS]


def test_the_code_has_as_many_errors_as_one_would_think() -> None:
    known = [call for call in errors_called() if call.texts[0]]

    assert len(known) > 150
    assert {"session", "audio", "emulator", "settings"} <= {c.place.split("/")[0] for c in known}


def test_each_error_is_a_sentence_of_one_line() -> None:
    told = [(call.place, text) for call in errors_called() for text in call.texts[0] or []]

    assert [each for each in told if len(f"error: {each[1]}") > COLUMNS] == []
    assert [each for each in told if not each[1].endswith(".")] == []
    assert [each for each in told if "\n" in each[1] or each[1][0].islower()] == []


def test_each_error_says_what_to_do_on_one_line() -> None:
    silent = [call.place for call in errors_called() if len(call.texts) < 2]
    told = [(call.place, hint) for call in errors_called() for hint in (*call.texts, None)[1] or []]

    assert silent == []
    assert [each for each in told if not each[1]] == []
    assert [each for each in told if len(f"hint: {each[1]}") > COLUMNS] == []
    assert [each for each in told if each[1].endswith(".")] == []


def test_each_warning_of_doctor_says_what_to_do() -> None:
    assert findings()
    assert [call.place for call in findings() if len(call.texts) < 3] == []


def test_what_is_said_while_a_run_goes_on_takes_two_lines_at_most() -> None:
    said = [
        (call.place, text)
        for call in calls()
        if call.name in WARNINGS and not call.place.startswith("doctor")
        for text in (call.texts and call.texts[0]) or []
    ]

    assert said
    assert [each for each in said if len(f"warning: {each[1]}") > 2 * COLUMNS] == []


@pytest.mark.parametrize(("cause", "said"), [(KeyError(5), "KeyError: 5"), (OSError(), "OSError")])
def test_fault_of_the_program_says_what_it_was_doing_and_asks_for_a_report(
    cause: Exception, said: str
) -> None:
    fault = InternalError(cause, "recording")

    assert fault.message == f"A fault of this program while recording: {said}."
    assert "report" in fault.hint
    assert fault.__cause__ is cause


@pytest.mark.parametrize(
    ("cause", "said", "hint"),
    [
        (MemoryError(), "not enough memory", "ulimit"),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), "not enough memory", "ulimit"),
        (RuntimeError("can't start new thread"), "not enough memory", "ulimit"),
        (ImportError("x.so: failed to map segment"), "not enough memory", "ulimit"),
        (OSError(errno.EMFILE, "Too many open files"), "Too many files", "ulimit -n"),
        (FileNotFoundError(errno.ENOENT, "No such file"), "current folder", "cd"),
        (OSError(errno.ENOSPC, "No space left on device"), "no room left", "free some space"),
        (ImportError("PLEASE READ\n\nall of this"), "loaded: PLEASE READ.", "install it again"),
        (OSError(errno.ENAMETOOLONG, "File name too long", "a" * 300), "aaa...' ", "another path"),
        (RuntimeError("Could not determine home directory."), "no home folder", "set HOME"),
        (PermissionError(errno.EACCES, "Permission denied", b"/root/x"), "'/root/x'", "another"),
    ],
)
def test_what_the_machine_lacks_is_no_fault_of_the_program(
    cause: Exception, said: str, hint: str
) -> None:
    error = explain_unexpected(cause, "recording")

    assert said in error.message
    assert "fault of this program" not in error.message
    assert hint in error.hint


def test_a_library_that_says_much_is_cut() -> None:
    error = explain_unexpected(KeyError("x" * 5000))

    assert len(error.message) < 300


def test_one_full_stop_is_enough() -> None:
    assert StreamError("'a.mp3' is damaged: internal error..").message.endswith("l error.")
    assert StreamError("It says: wait...").message.endswith("wait...")


def test_what_the_machine_lacks_is_no_matter_of_another_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UsageError) as failed, usage_error_if_unwritable(tmp_path / "a.txt"):
        raise OSError(errno.EMFILE, "Too many open files")

    assert failed.value.hint == "raise the limit of 'ulimit -n'"
