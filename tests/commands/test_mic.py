"""What `mic` refuses before anything opens."""

import pytest

from transcribe_cli.commands.mic import mic
from transcribe_cli.errors import UsageError
from transcribe_cli.settings.environment import Environment
from transcribe_cli.settings.mic_options import MicOptions


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (MicOptions(system=True, with_system=True), "--system is one side, --with-system both."),
        (MicOptions(system=True, device="usb"), "--system takes no microphone"),
    ],
)
def test_options_that_contradict_each_other_are_refused(options: MicOptions, problem: str) -> None:
    with pytest.raises(UsageError) as refused:
        mic(options, Environment.current())

    assert problem in refused.value.message
