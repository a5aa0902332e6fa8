"""Where `aai-stream` and `python -m transcribe_cli` begin: Ctrl+C ends the program from here on.

So nothing of it is imported before.
"""

import sys

_INTERRUPTED = 130  # `ExitStatus.INTERRUPTED`, which is not there yet


def main() -> None:
    """Run the program and leave with its exit code."""
    try:
        from transcribe_cli.cli import main

        main()
    except KeyboardInterrupt:
        import signal

        signal.signal(signal.SIGINT, signal.SIG_IGN)  # it ends already
        sys.exit(_INTERRUPTED)
    finally:
        # An interrupt inside `exec`, by which the library makes dataclasses, is remembered by the
        # interpreter, which would end by SIGINT instead of with the exit code. This forgets it.
        exec("")  # nosec B102


if __name__ == "__main__":
    main()
