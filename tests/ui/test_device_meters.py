"""The meters of `devices --watch`."""

from transcribe_cli.ui.device_meters import BAR, Level, meter_lines


def test_louder_is_longer_and_the_default_is_marked() -> None:
    quiet, loud = meter_lines(
        [Level("USB", False, -54.0), Level("Built-in", True, 0.0)], 80, ascii_only=True
    )

    assert quiet.split() == ["USB", "##", "-54", "dB"]
    assert loud.split() == ["*", "Built-in", "#" * BAR, "0", "dB"]
    assert quiet.index("#") == loud.index("#")


def test_device_that_cannot_be_opened_is_shown_as_that() -> None:
    assert meter_lines([Level("USB", False, None)], 80) == ["  USB  cannot be opened"]


def test_no_line_is_wider_than_the_window_whatever_a_device_is_called() -> None:
    (line,) = meter_lines([Level("a\x1b[31m\n" * 30, False, -30.0)], 50)

    assert len(line) == 50
    assert line.isprintable()
