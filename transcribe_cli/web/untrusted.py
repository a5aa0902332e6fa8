"""Reads numbers and links in strangers' lists so that nothing in them ends the program. Pure."""

from urllib.parse import urljoin

_MOST_DIGITS = 20  # of 64 bits; Python raises an error for thousands of digits


def count(text: str) -> int | None:
    """A number without a sign; None if it is no number, or too long to be useful.

    >>> count("41"), count("4" * 5000), count("-1")
    (41, None, None)
    """
    text = text.strip()
    return int(text) if text.isdecimal() and len(text) <= _MOST_DIGITS else None


def join(base: str, link: str) -> str:
    """The address that a link leads to; an invalid link is returned as it is, and fails later.

    >>> join("https://cdn.example/a/list.m3u8", "b.ts"), join("https://cdn.example/", "http://[x")
    ('https://cdn.example/a/b.ts', 'http://[x')
    """
    try:
        return urljoin(base, link)
    except ValueError:
        return link
