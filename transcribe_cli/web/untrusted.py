"""What lists of strangers say, read so that nothing in them ends the program. Pure."""

from urllib.parse import urljoin

_MOST_DIGITS = 20  # of 64 bits; Python refuses to read thousands of them


def count(text: str) -> int | None:
    """A number without a sign; None where it is none, or beyond any use.

    >>> count("41"), count("4" * 5000), count("-1")
    (41, None, None)
    """
    text = text.strip()
    return int(text) if text.isdecimal() and len(text) <= _MOST_DIGITS else None


def join(base: str, link: str) -> str:
    """Where a link leads; one that makes no sense is left as it is, for who asks for it to refuse.

    >>> join("https://cdn.example/a/list.m3u8", "b.ts"), join("https://cdn.example/", "http://[x")
    ('https://cdn.example/a/b.ts', 'http://[x')
    """
    try:
        return urljoin(base, link)
    except ValueError:
        return link
