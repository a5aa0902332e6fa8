"""Python's search for garbage in cycles, put off while a program starts.

Starting makes much that stays and next to no garbage: each search would look at all of it again.
"""

import gc


def put_off() -> None:
    """Search for nothing until `begin`."""
    gc.disable()


def begin() -> None:
    """Search from now on, and never among what is there already; only after `put_off`."""
    if not gc.isenabled():
        gc.freeze()
        gc.enable()
