"""Makes text from outside safe to print: one line that cannot control the terminal.

Control characters are made visible (ESC as `␛`), invisible formatting characters are removed, and
line breaks become spaces. What languages need is kept: combining marks, the joiners of emoji and of
Persian, the letters and marks of right-to-left scripts.
"""

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def _table() -> dict[int, str | None]:
    table: dict[int, str | None] = {code: chr(0x2400 + code) for code in range(0x20)}
    table[0x7F] = "\N{SYMBOL FOR DELETE}"
    table |= dict.fromkeys(range(0x80, 0xA0), REPLACEMENT)  # C1: what an 8-bit CSI starts with
    table |= dict.fromkeys(map(ord, "\t\n\v\f\r\x85\u2028\u2029"), " ")
    # Embeddings, overrides and isolates reverse the rest of a line. A soft hyphen, a zero-width
    # space and a word joiner move line breaks, and terminals disagree on their width.
    table |= dict.fromkeys(range(0x202A, 0x202F), None)
    table |= dict.fromkeys(range(0x2060, 0x2070), None)
    table |= dict.fromkeys((0xAD, 0x200B, 0x180E, 0xFEFF, 0xFFF9, 0xFFFA, 0xFFFB), None)
    table |= dict.fromkeys(range(0xD800, 0xE000), REPLACEMENT)  # cannot be encoded
    return table


_TABLE = _table()


def safe_text(text: str) -> str:
    """The text as one line that a terminal only shows.

    >>> safe_text("a\\x1b[2Jb\\r\\nc")
    'a␛[2Jb c'
    """
    if text.isascii() and text.isprintable():
        return text
    return text.replace("\r\n", "\n").translate(_TABLE)


def encodable(text: str, encoding: str | None) -> str:
    """The text with a `?` for each character that a stream of that encoding could not write."""
    if encoding is None or is_utf8(encoding):
        return text
    return text.encode(encoding, "replace").decode(encoding)


def is_utf8(encoding: str | None) -> bool:
    """Whether a stream's `encoding` is UTF-8; a stream without one, such as a buffer, takes all."""
    return encoding is None or encoding.lower().replace("-", "").startswith("utf8")
