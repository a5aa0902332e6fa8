"""A local service that a test steers: what it plays, what goes wrong, what it heard."""

import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any

from transcribe_cli.emulator.local_service import LocalService
from transcribe_cli.errors import UsageError
from transcribe_cli.testing.control_client import ControlClient, ControlFailed
from transcribe_cli.testing.heard import HeardSession, read_heard

# A test that fails shows its own line, and none of these.
__tracebackhide__ = True
_WITHIN_S = 10.0


class AssemblyAIService:
    """A local service of its own process, for as long as the `with` block lasts.

    >>> with AssemblyAIService() as service:  # doctest: +SKIP
    ...     transcribe(service.url)
    ...     service.heard[0].assert_terminated()

    Without a scenario it hears audio that carries its own count (`aai-stream serve --help`).

    Attributes:
        url: `ws://127.0.0.1:PORT/v3/ws`; opens sessions.
        api_host: the same without its path, as the official Python SDK takes it.
        token_url: makes temporary tokens.
        ca_file: with `--tls`, what clients trust, PEM; None without.

    Args:
        arguments: more options for `aai-stream serve`.

    Raises:
        UsageError: it cannot be steered with these options.
    """

    def __init__(self, *arguments: str) -> None:
        engine = () if {"--engine", "--script"} & set(arguments) else ("--engine", "counting")
        self._service = LocalService("--ready-json", "--keep-audio", *engine, *arguments)
        self._control: ControlClient | None = None
        self.url = ""
        self.api_host = ""
        self.token_url = ""  # nosec B105
        self.ca_file: str | None = None

    def __enter__(self) -> "AssemblyAIService":
        self._service.__enter__()
        ready = self._service.ready
        if ready is None or ready.control_url is None:
            self._service.close()
            raise UsageError(
                "A service with --workers has no control, so a test cannot steer it.",
                "leave --workers out, or start 'aai-stream serve' by itself",
            )
        self.url, self.token_url = ready.url, ready.token_url
        self.api_host = ready.url.removesuffix("/v3/ws")
        self.ca_file = ready.ca_file
        self._control = ControlClient(ready.control_url, ready.control_key or "", ready.ca_file)
        # It listens; once it answers it has loaded, and a client that waits a second is served.
        try:
            self._control.ask("GET")
        except BaseException:
            self._service.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._service.close()

    @property
    def control(self) -> ControlClient:
        """For what has no method here."""
        assert self._control is not None  # inside the `with` block
        return self._control

    @property
    def heard(self) -> list[HeardSession]:
        """What each connection has sent until now; `wait_for` waits for its end."""
        listed = self.control.ask("GET", "/sessions")["sessions"]
        return [self._session(summary["number"]) for summary in listed]

    def wait_for(self, count: int = 1, within_s: float = _WITHIN_S) -> list[HeardSession]:
        """What `count` connections or more sent, once they have ended.

        Raises:
            AssertionError: they had not, after `within_s`; it names those that go on.
        """
        deadline = time.monotonic() + within_s
        while True:
            listed = self.control.ask("GET", "/sessions")["sessions"]
            ended = [summary for summary in listed if summary["ended"] is not None]
            if len(ended) >= count:
                return [self._session(summary["number"]) for summary in listed]
            if time.monotonic() > deadline:
                going_on = [str(each["number"]) for each in listed if each["ended"] is None]
                raise AssertionError(
                    f"connections that ended within {within_s:g} s\n"
                    f"  expected: {count} or more\n"
                    f"  came:     {len(ended)}; these go on: {', '.join(going_on) or 'none'}"
                )
            time.sleep(0.02)

    def play(
        self,
        scenario: Sequence[Mapping[str, Any]],
        *more: Sequence[Mapping[str, Any]],
        **chosen: str | float | bool,
    ) -> None:
        """Have the sessions that follow play these messages, or lines of a script.

        >>> service.play([{"say": "Hello."}])  # doctest: +SKIP
        >>> service.play([{"say": "Hola."}], speech_model="whisper-rt")  # doctest: +SKIP

        Args:
            more: what the sessions after the next one play, one each; later ones play the last.
            chosen: parameters, or the `path`, of the sessions that it is for; what others play
                stays as it is.
        """
        asked: dict[str, Any] = {"messages": list(scenario)}
        if more:
            asked = {"scenarios": [list(each) for each in (scenario, *more)]}
        self.control.ask("PUT", "/scenario", asked | ({"for": chosen} if chosen else {}))

    def fail_next(self, *faults: str, times: int = 1) -> None:
        """Have the next connections go wrong, as `aai-stream serve --fault` describes it.

        >>> service.fail_next("drop@word=3")  # doctest: +SKIP

        Raises:
            ValueError: no fault is named.
        """
        if not faults:
            raise ValueError("fail_next() wants a fault, such as 'drop@word=3'")
        self.control.ask("POST", "/faults", {"faults": list(faults), "next": times})

    @property
    def token_faults(self) -> list[str]:
        """The faults that requests for a token have met, in order."""
        faults: list[str] = self.control.ask("GET")["token_faults"]
        return faults

    def answer_llm(self, *answers: str) -> None:
        """Have turns answered for clients with `llm_gateway`: turn N by answer N, or the last.

        Raises:
            ValueError: there is no answer; `reset` takes them back.
        """
        if not answers:
            raise ValueError("answer_llm() wants an answer")
        self.control.ask("PUT", "/llm", {"answers": list(answers)})

    def advance(self, seconds: float) -> None:
        """Put the service's clock forward: sessions expire, are inactive, tokens run out."""
        self.control.ask("POST", "/clock", {"advance_s": seconds})

    def reset(self) -> None:
        """End all sessions, and forget scenario, faults and what was heard."""
        self.control.ask("POST", "/reset")

    def _session(self, number: int) -> HeardSession:
        details = self.control.ask("GET", f"/sessions/{number}")
        try:
            wav = self.control.ask_bytes("GET", f"/sessions/{number}/audio")
        except ControlFailed as e:
            if e.status != 404:  # compressed
                raise
            wav = None
        return read_heard(details, wav)
