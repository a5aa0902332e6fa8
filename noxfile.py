"""The commands that people type: `nox -l` lists them, and `.ci/run` calls the same ones.

They run in the environment that nox itself is installed in, so there is nothing to build first.
"""

import sys

import nox

nox.options.sessions = ["check", "test"]


def _python(session: nox.Session, *arguments: str) -> None:
    session.run(sys.executable, *arguments)


@nox.session(python=False)
def check(session: nox.Session) -> None:
    """Style, types and the layers of the house; changes nothing."""
    _python(session, "-m", "ruff", "check", ".")
    _python(session, "-m", "ruff", "format", "--check", ".")
    _python(session, "-m", "mypy")
    _python(session, "-c", "from importlinter.cli import lint_imports_command as main; main()")


@nox.session(python=False)
def fix(session: nox.Session) -> None:
    """Style, put right where that can be done by itself."""
    _python(session, "-m", "ruff", "check", "--fix", ".")
    _python(session, "-m", "ruff", "format", ".")


@nox.session(python=False)
def test(session: nox.Session) -> None:
    """The README's test command; `nox -s test -- tests/session -k flood` runs some of them."""
    _python(session, "-m", "pytest", *session.posargs)


@nox.session(python=False)
def long(session: nox.Session) -> None:
    """The tests that take minutes."""
    _python(session, "-m", "pytest", "-m", "long", *session.posargs)


@nox.session(python=False)
def docs(session: nox.Session) -> None:
    """Print anew what docs/ shows of the code: the supervisor's rules, the table of settings."""
    _python(session, "-m", "tests.supervisor.printed_rules")
    _python(session, "-m", "transcribe_cli.settings.page", "docs/settings.md")
