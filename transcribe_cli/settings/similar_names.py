"""Finds the name that was probably meant. Pure."""

import difflib
from collections.abc import Collection


def resembling(name: str, known: Collection[str]) -> str | None:
    """The known name that is most like another one.

    >>> resembling("whisper", ["u3-rt-pro", "whisper-rt"]), resembling("zz", ["en"])
    ('whisper-rt', None)
    >>> resembling("modle", ["mode", "model"])
    'model'
    """
    lowered = {one.lower(): one for one in known}
    name = name.lower()
    if name in lowered:
        return lowered[name]
    for one in lowered:
        if sorted(one) == sorted(name):  # two letters were exchanged
            return lowered[one]
    if close := difflib.get_close_matches(name, lowered, n=1, cutoff=0.65):
        return lowered[close[0]]
    longer = [one for one in lowered if len(name) > 2 and one.startswith(name)]
    return lowered[longer[0]] if longer else None
