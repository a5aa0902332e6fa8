"""Why a client gets no session."""


class SessionRefused(Exception):
    """A session that is refused; `code` and `text` of the Error."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text
