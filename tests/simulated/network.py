"""The network between client and service: two pipes a connection, and all that may befall them."""

import itertools
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import NamedTuple

from tests.simulated.talk import RATE
from tests.simulated.world import World
from transcribe_cli.errors import ConnectionFailed, StreamError
from transcribe_cli.protocol.codec import encode_client_message
from transcribe_cli.protocol.messages import Terminate
from transcribe_cli.session.connection import CloseFrame, Message
from transcribe_cli.session.events import Closed, Event, Opened, WorkerFailed

BUFFER_BYTES = 1 << 16  # what the system takes without having passed it on
_FRAME_BYTES = 8
CATCH_UP = 1.2  # a service refuses what comes much faster than it was spoken
_TIMEOUT_S = 10.0
_NORMAL = 1000
_NUMBERS = itertools.count()  # of connections, as a system counts sockets


class Kind(Enum):
    """What travels."""

    AUDIO = auto()
    TEXT = auto()
    PING = auto()
    PONG = auto()
    CLOSE = auto()
    FIN = auto()  # nothing more comes from there
    RESET = auto()  # and nothing more can go there


class Frame(NamedTuple):
    kind: Kind
    payload: bytes = b""
    code: int | None = None


@dataclass
class Network:
    """Conditions that hold for all connections; times are virtual seconds.

    Attributes:
        latency_s, jitter_s: of every frame, each way.
        stalled_until: nothing moves before then.
        down_until: and no connection comes about either.
        silent: connecting then takes its whole time limit, instead of failing at once.
        refused_until, refusal: connecting is answered with that HTTP status.
        faulty_until: the thread that connects breaks.
        slow_until, bytes_per_s: how much goes to the service in a second.
        delayed_until, delay_s: what is sent takes so much longer.
        tried: when a connection was tried.
    """

    world: World
    chance: random.Random
    latency_s: float
    jitter_s: float
    stalled_until: float = 0.0
    down_until: float = 0.0
    silent: bool = False
    refused_until: float = 0.0
    refusal: int = 503
    faulty_until: float = 0.0
    slow_until: float = 0.0
    bytes_per_s: float = 0.0
    delayed_until: float = 0.0
    delay_s: float = 0.0
    tried: list[float] = field(default_factory=list)

    def travel_s(self) -> float:
        """How long the next frame takes."""
        late = self.delay_s if self.world.now < self.delayed_until else 0.0
        return self.latency_s + self.jitter_s * self.chance.random() + late

    @property
    def stands_until(self) -> float:
        """When frames move again."""
        return max(self.stalled_until, self.down_until)


class Pipe:
    """One way of a connection: frames arrive in order, each after its time, or never.

    Attributes:
        vanished: what is sent now, or is under way, never arrives.
        bytes: how much is under way.
    """

    def __init__(self, network: Network, arrive: Callable[[Frame], None], limited: bool) -> None:
        self.vanished = False
        self.bytes = 0
        self._network = network
        self._world = network.world
        self._arrive = arrive
        self._limited = limited
        self._under_way: deque[tuple[float, Frame]] = deque()
        self._free_at = self._last = 0.0

    def send(self, frame: Frame) -> None:
        network, now = self._network, self._world.now
        size = len(frame.payload) + _FRAME_BYTES
        self._free_at = max(self._free_at, now)
        if self._limited and now < network.slow_until:
            self._free_at += size / network.bytes_per_s
        self._last = max(self._last, self._free_at + network.travel_s())
        self._under_way.append((self._last, frame))
        self.bytes += size
        if len(self._under_way) == 1:
            self._world.at(self._last, self._deliver)

    def cut(self) -> None:
        """What is under way is lost."""
        self._under_way.clear()
        self.bytes = 0

    def _deliver(self) -> None:
        if self.vanished or not self._under_way:
            return
        network, now = self._network, self._world.now
        due = self._under_way[0][0]
        if due > now or network.stands_until > now:
            # It was cut and used again, or nothing moves.
            again = max(due, network.stands_until)
            self._world.at(again + 0.05 * network.chance.random(), self._deliver)
            return
        frame = self._under_way.popleft()[1]
        self.bytes -= len(frame.payload) + _FRAME_BYTES
        if self._under_way:
            self._world.at(self._under_way[0][0], self._deliver)
        self._arrive(frame)


class Link:
    """One connection, seen from outside: both pipes, and what may be done to them."""

    def __init__(self, network: Network) -> None:
        self.client = SimulatedConnection(network, self)
        self.to_client = Pipe(network, self.client.arrive, limited=False)
        self.to_service = Pipe(network, self._arrive, limited=True)
        self.broken = False
        self._serve: Callable[[Frame], None] = lambda frame: None

    def serve(self, take: Callable[[Frame], None]) -> None:
        """Who takes what the client sends."""
        self._serve = take

    def _arrive(self, frame: Frame) -> None:
        self._serve(frame)

    def reset(self) -> None:
        """Broken off, with all that is under way."""
        self.broken = True
        self.to_client.cut()
        self.to_service.cut()
        self.client.arrive(Frame(Kind.RESET))
        self._serve(Frame(Kind.RESET))

    def finish(self) -> None:
        """Broken off, but what is under way still arrives."""
        self.broken = True
        self.to_client.send(Frame(Kind.FIN))
        self.to_service.send(Frame(Kind.FIN))

    def vanish(self) -> None:
        """Nothing arrives any more, and nobody says so."""
        self.broken = True
        self.to_client.vanished = self.to_service.vanished = True


class Meter:
    """How fast audio goes out, and in what pieces; all in frames.

    Args:
        rate: frames a second that may go out over any stretch of time.

    Attributes:
        ahead: the most that ever went out beyond that.
        smallest, largest: of the chunks.
        all: that went out.
    """

    def __init__(self, rate: float) -> None:
        self.ahead = 0.0
        self.smallest = self.largest = 0
        self._rate = rate
        self.all = 0
        self._lowest = 0.0

    def sent(self, frames: int, now: float) -> None:
        """A chunk goes out."""
        self._lowest = min(self._lowest, self.all - self._rate * now)
        self.all += frames
        self.ahead = max(self.ahead, self.all - self._rate * now - self._lowest)
        self.smallest = min(self.smallest or frames, frames)
        self.largest = max(self.largest, frames)


class SimulatedConnection:
    """What `Connection` is to a session, without a socket.

    Attributes:
        meter: of the audio that was handed over.
        swallowed: its last words did not fit into what the system takes.
        closed_at: when the client closed it.
    """

    def __init__(self, network: Network, link: Link) -> None:
        self.broken: ConnectionFailed | None = None
        self.send_failure: ConnectionFailed | None = None
        self.heard_at = network.world.now
        self.taken = self.answered = 0
        self.heard_frames = self.heard_bytes = 0
        self.unread = False
        self.meter = Meter(CATCH_UP * RATE)
        self.swallowed = False
        self.closed = False
        self.closed_at: float | None = None
        self._number = next(_NUMBERS)
        self._network = network
        self._link = link
        self._unsent: deque[Frame] = deque()
        self._arrived: deque[Frame] = deque()
        self._peer_gone = False

    # What the session uses.

    def fileno(self) -> int:
        return self._number

    @property
    def unsent(self) -> int:
        return sum(len(frame.payload) + _FRAME_BYTES for frame in self._unsent)

    def send_audio(self, samples: bytes) -> None:
        assert not self.closed
        self.meter.sent(len(samples) // 2, self._network.world.now)
        self._send(Frame(Kind.AUDIO, samples))

    def send_text(self, text: str) -> None:
        self._send(Frame(Kind.TEXT, text.encode()))

    def ping(self, mark: int) -> None:
        self._send(Frame(Kind.PING, str(mark).encode()))

    def flush(self) -> None:
        if self._peer_gone and self._unsent:
            self._unsent.clear()
            self.send_failure = ConnectionFailed("The connection broke while sending: reset.")
        pipe = self._link.to_service
        while self._unsent and pipe.bytes < BUFFER_BYTES:
            frame = self._unsent.popleft()
            self.taken += len(frame.payload) + _FRAME_BYTES
            pipe.send(frame)

    def _send(self, frame: Frame) -> None:
        if self.send_failure is None:
            self._unsent.append(frame)
            self.flush()

    def receive(self, now: float) -> list[Message]:
        found: list[Message] = []
        while self._arrived and self.broken is None:
            frame = self._arrived.popleft()
            if frame.kind in (Kind.FIN, Kind.RESET):
                self.broken = ConnectionFailed("The connection to the service was lost: cut.")
                break
            self.heard_at = now
            if frame.kind is Kind.TEXT:
                found.append(frame.payload)
            elif frame.kind is Kind.CLOSE:
                found.append(CloseFrame(frame.code, frame.payload.decode()))
            elif frame.kind is Kind.PONG:
                self.answered = int(frame.payload)
        return found

    def close(self, last_words: str = "") -> None:
        if self.closed:
            return
        if last_words:
            self.send_text(last_words)
        self._send(Frame(Kind.CLOSE, code=_NORMAL))
        self.closed = True
        self.closed_at = self._network.world.now
        self.swallowed = bool(self._unsent)
        self._unsent.clear()
        self._arrived.clear()
        if not self._peer_gone:
            self._link.to_service.send(Frame(Kind.FIN))

    # What the world uses.

    @property
    def readable(self) -> bool:
        return bool(self._arrived) or self.broken is not None

    @property
    def writable(self) -> bool:
        return self._link.to_service.bytes < BUFFER_BYTES * 2 // 3 or self._peer_gone

    def arrive(self, frame: Frame) -> None:
        if self.closed:
            return
        if frame.kind is Kind.RESET:
            self._peer_gone = True
        self._arrived.append(frame)


class SimulatedConnecting:
    """What `ConnectThread` is to a run: it ends with one event, some time later.

    Args:
        accept: the service's side of a new connection.
    """

    def __init__(
        self,
        number: int,
        post: Callable[[Event], None],
        network: Network,
        accept: Callable[[int, Link], None],
    ) -> None:
        self._number = number
        self._post = post
        self._network = network
        self._accept = accept
        self._abandoned = False
        network.tried.append(network.world.now)
        network.world.after(network.travel_s(), self._reach)

    def abandon(self) -> None:
        self._abandoned = True

    def join(self, timeout_s: float) -> None:
        pass

    def _reach(self) -> None:
        network, now = self._network, self._network.world.now
        if now < network.faulty_until:
            self._break()
        elif now < network.down_until:
            wait = _TIMEOUT_S if network.silent else 0.0
            network.world.after(wait, lambda: self._fail("cannot be reached", None))
        elif now < network.stalled_until:
            if network.stalled_until - now > _TIMEOUT_S:
                network.world.after(_TIMEOUT_S, lambda: self._fail("did not answer", None))
            else:
                network.world.at(network.stalled_until, self._reach)
        elif now < network.refused_until:
            status = network.refusal
            self._answer(lambda: self._fail(f"answered with HTTP {status}", status))
        else:
            link = Link(network)
            self._accept(self._number, link)
            self._answer(lambda: self._opened(link))

    def _answer(self, then: Callable[[], None]) -> None:
        self._network.world.after(self._network.travel_s(), then)

    def _fail(self, what: str, status: int | None) -> None:
        if not self._abandoned:
            failure = ConnectionFailed(f"The host {what}.", http_status=status)
            self._post(Closed(self._number, failure=failure))

    def _break(self) -> None:
        if not self._abandoned:
            self._post(WorkerFailed(StreamError("Connecting failed: KeyError: 5")))
            self._post(Closed(self._number))

    def _opened(self, link: Link) -> None:
        link.client.heard_at = self._network.world.now
        if self._abandoned:
            link.client.close(encode_client_message(Terminate()))
        else:
            self._post(Opened(self._number, link.client))  # type: ignore[arg-type]
