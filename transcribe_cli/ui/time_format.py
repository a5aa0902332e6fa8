"""Formats times in the recording. Pure."""


def format_time(ms: int) -> str:
    """A time in the recording as `m:ss`, from one hour on as `h:mm:ss`.

    >>> format_time(4_000), format_time(3_600_000)
    ('0:04', '1:00:00')
    """
    minutes, seconds = divmod(max(ms, 0) // 1000, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
