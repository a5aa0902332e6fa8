"""The JSON Schema of the records, as a reader of `docs/` has it."""

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

_DOCS = Path(__file__).parent.parent / "docs"
SCHEMA: dict[str, Any] = json.loads((_DOCS / "jsonl.schema.json").read_text(encoding="utf-8"))
# The record types that it describes.
TYPES = [branch["if"]["properties"]["type"]["const"] for branch in SCHEMA["allOf"]]


@cache
def _validator(kind: str) -> Draft202012Validator:
    """The schema without the branches for records of other types: to try all takes much longer."""
    branches = [b for b in SCHEMA["allOf"] if b["if"]["properties"]["type"]["const"] == kind]
    return Draft202012Validator(SCHEMA | {"allOf": branches})


def held_to_schema(record: dict[str, Any]) -> dict[str, Any]:
    """The record itself; an AssertionError says what about it is not as described."""
    errors = _validator(str(record.get("type"))).iter_errors(record)
    problems = [f"{error.json_path}: {error.message}" for error in errors]
    assert not problems, f"{'; '.join(problems)} in {json.dumps(record)}"
    return record


def undescribed(record: dict[str, Any]) -> set[str]:
    """The fields of a record that the schema does not name."""
    named = set(SCHEMA["properties"])
    for part in _parts(SCHEMA["$defs"].get(record["type"], {}), record):
        named |= set(part.get("properties", ()))
    return record.keys() - named


def _parts(schema: dict[str, Any], record: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A schema, and those that it refers to for this record."""
    yield schema
    if "$ref" in schema:
        yield from _parts(SCHEMA["$defs"][schema["$ref"].removeprefix("#/$defs/")], record)
    if "if" in schema:
        branch = "then" if schema["if"]["required"][0] in record else "else"
        yield from _parts(schema[branch], record)


def examples(page: str) -> list[str]:
    """The JSON examples of a page of the documentation."""
    text = (_DOCS / page).read_text(encoding="utf-8")
    return re.findall(r"^```json\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
