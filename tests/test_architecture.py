"""ARCHITECTURE.md, CONTRIBUTING.md and the other pages say what is there."""

import ast
import re
import sys
import tomllib
from itertools import pairwise, product
from pathlib import Path

import pytest

from tests.program import ROOT

PACKAGE = ROOT / "transcribe_cli"
CODE = sorted(PACKAGE.rglob("*.py"))
PAGES = [page for folder in (".", "docs", "bench") for page in sorted((ROOT / folder).glob("*.md"))]
KNOWN = ["noxfile.py"] + [
    path.relative_to(ROOT).as_posix()
    for folder in ("transcribe_cli", "tests", "bench")
    for path in (ROOT / folder).rglob("*.py")
]
ARCHITECTURE = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
(LAYERS,) = [
    [row.split(" | ") for row in contract["layers"]]
    for contract in SETTINGS["tool"]["importlinter"]["contracts"]
    if contract["type"] == "layers"
]


def test_picture_of_the_layers_is_the_contract() -> None:
    (picture,) = re.findall(r"```mermaid\nflowchart TD\n(.*?)```", ARCHITECTURE, re.DOTALL)
    arrows: set[tuple[str, str]] = set()
    for line in picture.splitlines():
        for above, below in pairwise(part.strip().split(" & ") for part in line.split("-->")):
            arrows |= set(product(above, below))
    expected = [pair for upper, lower in pairwise(LAYERS) for pair in product(upper, lower)]
    assert arrows == set(expected)


def test_table_of_rooms_is_the_contract() -> None:
    rows = re.findall(r"^\| (\d+) \| `(\w+)` \| ", ARCHITECTURE, re.MULTILINE)
    expected = [(str(row), room) for row, rooms in enumerate(LAYERS, 1) for room in rooms]
    assert rows == expected


def test_every_thread_is_in_the_table() -> None:
    table = ARCHITECTURE.partition("## Threads")[2].partition("##")[0]
    code = "".join(path.read_text(encoding="utf-8") for path in CODE)
    named = re.findall(r'\bname=f?"(aai-[^"]*)"', code)
    assert len(named) == len(re.findall(r"\bThread\(", code))
    in_code = {re.sub(r"\{(\w+)\}", "*", name) for name in named}
    in_table = {re.sub(r"[A-Z]+$", "*", name) for name in re.findall(r"`(aai-[\w-]+)`", table)}
    assert in_table == in_code


def test_whatever_uses_the_threads_of_a_pool_is_in_the_table() -> None:
    table = ARCHITECTURE.partition("## Threads")[2].partition("##")[0]
    pooled = re.compile(r"\bto_thread\(|\brun_in_executor\(|\bThreadPool")
    users = [path for path in CODE if pooled.search(path.read_text(encoding="utf-8"))]
    assert [
        path for path in users if f"`{path.relative_to(PACKAGE).as_posix()}`" not in table
    ] == []
    assert users


def _imported(path: Path) -> set[str]:
    """The packages of others that a module imports, wherever in it."""
    text = path.read_text(encoding="utf-8")
    nodes = list(ast.walk(ast.parse(text)))
    names = set(re.findall(r'\bimport_(?:alone|module)\("(\w+)', text))
    names |= {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
    return {name.partition(".")[0] for name in names} - sys.stdlib_module_names - {PACKAGE.name}


def test_third_parties_have_the_doors_of_the_table() -> None:
    rows = re.findall(r"^\| ([a-z]\w+) \| (`.+) \|$", ARCHITECTURE, re.MULTILINE)
    doors = {name: re.findall(r"`([^`]+)`", where) for name, where in rows}
    used: set[str] = set()
    for path in CODE:
        place = path.relative_to(PACKAGE).as_posix()
        for name in _imported(path) - {"msgspec"}:
            used.add(name)
            assert place.startswith(tuple(doors.get(name, ()))), f"{place} imports {name}"
    assert used == set(doors)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_paths_that_a_page_names_are_there(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for name in set(re.findall(r"`([\w./-]+\.py)`", text)):
        assert any(f"/{path}".endswith(f"/{name}") for path in KNOWN), name
    for name in re.findall(r"`((?:transcribe_cli|tests|bench|docs|\.ci)/[\w./-]*)`", text):
        assert (ROOT / name).exists(), name


@pytest.mark.parametrize("page", [ARCHITECTURE, CONTRIBUTING], ids=["architecture", "contributing"])
def test_pages_that_a_page_names_are_there(page: str) -> None:
    for name in set(re.findall(r"`([\w.]+\.(?:md|toml))`", page)) - {"config.toml"}:
        assert (ROOT / name).exists(), name
