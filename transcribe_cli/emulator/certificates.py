"""Makes a certificate authority of this machine's own, and a certificate for its names."""

import re
import socket
import ssl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from transcribe_cli.emulator.service_options import ServiceOptions
from transcribe_cli.errors import UsageError

_CA, _CA_KEY = "ca.pem", "ca-key.pem"
NAMES = ("localhost", "127.0.0.1", "::1")
# RFC 1123 and 5891 (4.2.3.1): no certificate can be for another name.
_LABEL = "(?!..--)[0-9a-z]([0-9a-z-]{0,61}[0-9a-z])?"
_HOST_NAME = re.compile(rf"(?!.{{254}}){_LABEL}(\.{_LABEL})*", re.IGNORECASE | re.ASCII)
HINT = "pip install 'aai-stream[tls]'"


class Tls(NamedTuple):
    """What a service needs for TLS.

    Attributes:
        ca_file: PEM of the authority that was made for it; None where the user gave a certificate.
    """

    context: ssl.SSLContext
    ca_file: Path | None = None


@contextmanager
def open_tls(options: ServiceOptions) -> Iterator[Tls | None]:
    """The TLS that the options ask for; a folder of its own is gone at the end.

    Raises:
        UsageError: a package or a file is missing.
    """
    if options.certfile is not None:
        yield Tls(_given_certificate(options.certfile, options.keyfile))
    elif options.tls_dir is not None:
        yield own_certificate(options.tls_dir, options.host)
    elif options.tls:
        with tempfile.TemporaryDirectory(prefix="aai-stream-") as folder:
            yield own_certificate(Path(folder), options.host)
    else:
        yield None


def _given_certificate(certfile: Path, keyfile: Path | None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(certfile, keyfile)
    except OSError as e:
        said = "it is none with its key" if isinstance(e, ssl.SSLError) else e.strerror or e
        raise UsageError(
            f"The certificate '{certfile}' cannot be used: {said}.",
            "--certfile and --keyfile are PEM files",
        ) from e
    return context


def own_certificate(folder: Path, host: str) -> Tls:
    """A context that serves localhost and this machine by its name, and the file of the authority
    that vouches for it.

    An authority that is in the folder already is used again, so it is trusted once.

    Args:
        host: where the service listens, which the certificate is for too.

    Raises:
        UsageError: the package is missing, or the folder cannot be used.
    """
    try:
        import trustme
    except ImportError as e:
        raise UsageError("--tls needs the package trustme.", HINT) from e
    ca_file, key_file = folder / _CA, folder / _CA_KEY
    try:
        if ca_file.exists() and key_file.exists():
            authority = trustme.CA.from_pem(ca_file.read_bytes(), key_file.read_bytes())
        else:
            folder.mkdir(parents=True, exist_ok=True)
            authority = trustme.CA(organization_name="aai-stream serve")
            authority.cert_pem.write_to_path(ca_file)
            key_file.touch(mode=0o600)
            authority.private_key_pem.write_to_path(key_file)
        certificate = authority.issue_cert(*_names(host))
    except (OSError, ValueError) as e:
        said = getattr(e, "strerror", None) or "its files are no certificate and key"
        raise UsageError(
            f"The folder '{folder}' cannot hold certificates: {said}.", "choose another --tls-dir"
        ) from e
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return Tls(context, ca_file)


def _names(host: str) -> list[str]:
    """What the certificate is for: a container, or another machine, asks by the machine's name."""
    own = [name for name in (socket.gethostname(),) if _HOST_NAME.fullmatch(name)]
    return list(dict.fromkeys((*NAMES, *own, host)))


def how_to_trust(ca_file: Path) -> str:
    """What to type so that clients trust the authority, for people; it ends with a line feed."""
    keys = "-keystore trust.jks -storepass changeit"
    return (
        f"Python   SSL_CERT_FILE={ca_file}\n"
        f"node     NODE_EXTRA_CA_CERTS={ca_file}\n"
        f"curl     curl --cacert {ca_file}\n"
        f"Java     keytool -importcert -noprompt -alias aai-stream -file {ca_file} {keys}\n"
        "         java -Djavax.net.ssl.trustStore=trust.jks\n"
    )
