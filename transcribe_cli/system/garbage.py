"""Puts off Python's search for garbage in cycles while a program starts.

A start creates many lasting objects and hardly any garbage, and each search would look at them all.
"""

import gc


def put_off() -> None:
    """Do not search until `begin`."""
    gc.disable()


def begin() -> None:
    """Search from now on, but not among the objects that exist already; only after `put_off`."""
    if not gc.isenabled():
        gc.freeze()
        gc.enable()
