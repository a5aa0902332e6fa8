"""The commands that people type: `nox -l` lists them, and `.ci/run` calls the same ones.

They run in the environment that nox itself is installed in, so there is nothing to build first.
"""

import json
import subprocess
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


ACCEPTED_ADVISORIES: list[str] = []
"""Known weaknesses of packages that are left; docs/audit.md says why."""


@nox.session(python=False)
def audit(session: nox.Session) -> None:
    """Weak places in the code and its packages; docs/audit.md has what is left, and why."""
    _python(session, "-m", "bandit", "-q", "-c", "pyproject.toml", "-r", "transcribe_cli")
    accepted = [word for known in ACCEPTED_ADVISORIES for word in ("--ignore-vuln", known)]
    options = ["--skip-editable", "--progress-spinner", "off", "--format", "json", *accepted]
    audited = subprocess.run(
        [sys.executable, "-m", "pip_audit", *options], capture_output=True, text=True
    )
    try:
        packages = json.loads(audited.stdout)["dependencies"]
    except ValueError:  # it prints nothing where it could not ask
        said = (audited.stderr.strip().splitlines() or ["no answer"])[-1]
        session.warn(f"the packages were NOT audited, the advisory service is out of reach: {said}")
        return
    weak = [each for each in packages if each.get("vulns")]
    unknown = [each["name"] for each in packages if "skip_reason" in each]
    if unknown:
        few = ", ".join(unknown[:5]) + (" ..." if len(unknown) > 5 else "")
        session.warn(f"{len(unknown)} packages were NOT audited, nobody knew them: {few}")
    if weak:
        session.error("; ".join(f"{each['name']}: {each['vulns']}" for each in weak))
    session.log(f"{len(packages) - len(unknown)} packages without a known weakness")


@nox.session(python=False)
def docs(session: nox.Session) -> None:
    """Print anew what docs/ shows of the code: rules of the supervisor, settings, models."""
    _python(session, "-m", "tests.supervisor.printed_rules")
    _python(session, "-m", "transcribe_cli.settings.printed_docs", "docs")
