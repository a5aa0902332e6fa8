"""`python -m transcribe_cli` is the same program as `aai-stream`."""

from transcribe_cli.cli import main

if __name__ == "__main__":
    main()
