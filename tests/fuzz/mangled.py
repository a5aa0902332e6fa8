"""Inputs that were sound once: a few edits at what parsers look at; and bytes of nothing."""

from collections.abc import Sequence
from random import Random

_ODD = (
    *(b"\0 \xff \x80 \x7f \n \r \xef\xbb\xbf \xc3\x28 \xed\xa0\x80 \xe2\x80\xae".split(b" ")),
    *b'" { } [ ] , : = # null true -1 0 1e308 1e999 NaN "" "\\ud800" "\\u0000" [[]] {} 1.5'.split(),
    *(
        b"99999999999999999999 -9223372036854775809 0001-01-01T00:00:00Z 2026-11-28T00:00:00"
    ).split(),
    *(b"\xff\xff\xff\xff \x7f\xff\xff\xff \x7e\xff\xff \x01\x00".split(b" ")),
    b"[" * 3000,
    b'{"a":' * 3000,
    b"a" * 3000,
)


def mangled(seeds: Sequence[bytes], number: int, most_edits: int = 6) -> bytes:
    """A sound input with so many edits, now and then none, or anything at all; always the same."""
    chance = Random(number)
    if chance.random() < 0.1:
        return chance.randbytes(chance.randrange(400))
    data = bytearray(chance.choice(seeds))
    count = chance.randrange(most_edits + 1)
    for _ in range(count):
        at = chance.randrange(len(data) + 1)
        end = min(len(data), at + chance.choice((0, 1, 1, 2, 4, 8, 40)))
        match chance.randrange(6):
            case 0:
                data[at:end] = chance.randbytes(end - at)
            case 1:
                data[at:end] = chance.choice(_ODD)
            case 2:
                del data[at:end]
            case 3:
                data[at:at] = data[at:end]
            case 4:
                other = chance.choice(seeds)
                start = chance.randrange(len(other) + 1)
                data[at:end] = other[start : start + chance.choice((1, 8, 60))]
            case 5:
                del data[at:]
    return bytes(data)
