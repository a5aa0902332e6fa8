"""Golden files: what each output makes of each trace.

`python -m tests.outputs.golden_files` writes them again, for a person to read what has changed.
"""

from pathlib import Path

from tests import recorded_messages as traces
from tests.outputs.run_records import told
from transcribe_cli.outputs.formats import open_outputs
from transcribe_cli.outputs.output import Outputs

SUFFIXES = (".txt", ".md", ".json")
FOLDER = Path(__file__).parent.parent / "data" / "golden"


def write_outputs(folder: Path, name: str) -> None:
    """The outputs of a run that hears a trace."""
    templates = [str(folder / f"{{stem}}{suffix}") for suffix in SUFFIXES]
    outputs = Outputs(
        open_outputs(templates, name, partials=True, non_speech=True), lambda *failure: None
    )
    for record in told(name):
        outputs.write(record)
    outputs.close()


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for trace in traces.NAMES:
        write_outputs(FOLDER, trace)
