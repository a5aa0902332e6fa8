"""A plugin that compiles test modules as pytest does, and runs nothing of them.

pytest writes its assertions anew in every test module, which takes ten times as long as to compile
it. Each worker would do so for all of them.
"""

import importlib.util
import py_compile
from contextlib import suppress
from pathlib import Path

import pytest


@pytest.hookimpl(tryfirst=True)
def pytest_collection(session: pytest.Session) -> bool:
    """Compile the modules that were named; there are no tests then."""
    for path in map(Path, session.config.args):
        if path.name.startswith("test_"):
            compile_test(".".join(path.relative_to(session.config.rootpath).with_suffix("").parts))
        else:
            py_compile.compile(str(path))
    return True


def compile_test(name: str) -> None:
    """Compile a module through pytest's import hook, which has no way to do only that."""
    spec = importlib.util.find_spec(name)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    vars(module)["__builtins__"] = {}  # without them it ends at its first import
    with suppress(ImportError, NameError):
        spec.loader.exec_module(module)
