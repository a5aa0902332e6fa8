"""What a cluster cannot do, found before anything is opened."""

from collections.abc import Sequence
from importlib.util import find_spec
from urllib.parse import urlsplit

from transcribe_cli.errors import UsageError
from transcribe_cli.jobs.sources import STDIN
from transcribe_cli.protocol.endpoint import is_loopback
from transcribe_cli.settings.file_options import FileOptions

LOCAL = "local"


def check_cluster(options: FileOptions, paths: Sequence[str]) -> None:
    """Find what a cluster cannot do before anything is opened.

    Raises:
        UsageError: the extra is missing, an address is not safe, or something cannot be shared.
    """
    try:
        import distributed  # noqa: F401
    except ImportError:
        raise UsageError(
            "--cluster needs the extra 'cluster'.", "pip install 'aai-stream[cluster]'"
        ) from None
    address = options.cluster or LOCAL
    if any(path == STDIN or "://" in path for path in paths):
        raise UsageError(
            "--cluster takes files, and neither standard input nor addresses.",
            "name files or folders that the workers see too",
        )
    if options.no_save:
        raise UsageError(
            "--cluster needs recordings: workers leave the words there.", "leave out --no-save"
        )
    if address != LOCAL:
        check_address(address)
    if options.dashboard:
        check_dashboard(address)


def check_dashboard(address: str) -> None:
    """Find out whether there can be pages on the workers.

    Raises:
        UsageError: the scheduler is another's, or a package is missing.
    """
    if address != LOCAL:
        raise UsageError(
            "--dashboard is of '--cluster local': others have pages of their own.",
            "leave it out; dask scheduler --help says where they are",
        )
    if find_spec("bokeh") is None:
        raise UsageError("--dashboard needs the package 'bokeh'.", "pip install bokeh")


def check_address(address: str) -> None:
    """Refuse to give work, and be given words, where anybody can listen.

    Raises:
        UsageError: it is no address, or is without TLS and not of this machine.
    """
    parts = urlsplit(address if "://" in address else f"tcp://{address}")
    try:
        port = parts.port
    except ValueError:  # it is no number
        port = None
    if parts.scheme not in ("tcp", "tls") or not parts.hostname or port is None:
        raise UsageError(
            f"--cluster '{address}' is no scheduler's address.", "local, or tls://HOST:8786"
        )
    if parts.scheme != "tls" and not is_loopback(f"ws://{parts.netloc}"):
        raise UsageError(
            f"--cluster '{address}' is not encrypted: others could read what is said.",
            "name tls://HOST:PORT, with certificates for dask: docs/cluster.md",
        )
