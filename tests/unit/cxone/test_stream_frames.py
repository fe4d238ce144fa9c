"""However the bytes of a WebSocket are cut, the same messages come out of them, and the library sees to the rest."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import itertools
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.client import ClientProtocol
from websockets.uri import parse_uri

from reconciler.cxone.stream_frames import PLAIN_BYTES, Handshake, PlainFrames
from reconciler.cxone.stream_socket import Receiver

TEXT, BINARY, CONTINUATION, CLOSE, PING, PONG = 1, 2, 0, 8, 9, 10


def frame(payload: bytes, opcode: int = TEXT, *, fin: bool = True, wide: bool = False) -> bytes:
    first = opcode | (0x80 if fin else 0)
    if len(payload) < 126 and not wide:
        return bytes([first, len(payload)]) + payload
    if len(payload) < 65536:
        return bytes([first, 126]) + struct.pack("!H", len(payload)) + payload
    return bytes([first, 127]) + struct.pack("!Q", len(payload)) + payload


class Wire(asyncio.Transport):
    """A connection that keeps what is written, and whether reading is held back."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.reading = True

    def write(self, data: Any) -> None:
        self.written += bytes(data)

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """There is no buffer."""

    def pause_reading(self) -> None:
        assert self.reading
        self.reading = False

    def resume_reading(self) -> None:
        assert not self.reading
        self.reading = True

    def is_closing(self) -> bool:
        return False

    def can_write_eof(self) -> bool:
        return False

    def close(self) -> None:
        """Nothing is open."""


def receive(pieces: list[bytes], cuts: list[int]) -> tuple[list[bytes], Receiver, Wire]:
    """Let a client have a handshake and these frames, cut at any places."""

    async def work() -> tuple[list[bytes], Receiver, Wire]:
        protocol = ClientProtocol(parse_uri("ws://server/"), max_size=4_000_000)
        receiver, wire = Receiver(protocol, ping_interval=None, max_queue=None), Wire()
        receiver.connection_made(wire)
        request = protocol.connect()
        protocol.send_request(request)
        key = request.headers["Sec-WebSocket-Key"]
        accept = base64.b64encode(hashlib.sha1(f"{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode()).digest()).decode()
        head = f"HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
        data = head.encode() + b"".join(pieces)
        places = sorted({cut % (len(data) + 1) for cut in cuts} | {0, len(data)})
        found = []
        for start, end in itertools.pairwise(places):
            receiver.data_received(data[start:end])
            found += receiver.take()
        return found, receiver, wire

    return asyncio.run(work())


_SIZES = st.sampled_from([0, 1, 5, 125, 126, 127, 300, 65535, 65536, 70_000])
_FRAMES = st.lists(
    st.tuples(st.just("text"), _SIZES, st.booleans())
    | st.tuples(st.just("ping"), st.integers(0, 125), st.just(False))
    | st.tuples(st.sampled_from(["binary", "parts"]), st.integers(0, 300), st.just(False)),
    max_size=8,
)


@given(frames=_FRAMES, cuts=st.lists(st.integers(0, 10**6), max_size=12), end=st.booleans())
def test_the_same_messages_however_they_are_cut(
    frames: list[tuple[str, int, bool]], cuts: list[int], end: bool
) -> None:
    pieces, expected, pings = [], [], 0
    for number, (what, size, wide) in enumerate(frames):
        payload = (b"%d" % number * size)[:size]
        if what == "ping":
            pieces.append(frame(payload, PING))
            pings += 1
            continue
        expected.append(payload)
        if what == "parts":
            half = size // 2
            parts = (frame(payload[:half], fin=False), frame(b"", PING), frame(payload[half:], CONTINUATION))
            pieces += parts
            pings += 1
        else:
            pieces.append(frame(payload, TEXT if what == "text" else BINARY, wide=wide and size < 126))
    if end:
        pieces.append(frame(struct.pack("!H", 1000), CLOSE))
    found, receiver, wire = receive(pieces, cuts)
    assert found == expected
    assert receiver.over == end
    answers = wire.written.partition(b"\r\n\r\n")[2]
    assert (len(answers) > 0) == (pings > 0 or end), "pings are answered, and so is the close"
    if end:
        assert receiver.ending[0] == 1000


def test_a_large_message_is_left_to_the_library() -> None:
    large = b"x" * (PLAIN_BYTES + 1)
    found, receiver, _ = receive([frame(b"a"), frame(large), frame(b"b")], [200, 5000, 10**6])
    assert found == [b"a", large, b"b"]
    assert not receiver._frames.plain


def test_what_is_against_the_protocol_is_left_to_the_library() -> None:
    masked = bytes([0x81, 0x81, 0, 0, 0, 0]) + b"x"
    found, receiver, _ = receive([frame(b"a"), masked], [])
    assert found == [b"a"]
    assert receiver.protocol.close_sent is not None
    assert receiver.protocol.close_sent.code == 1002


def test_a_refused_handshake_has_no_frames() -> None:
    async def work() -> Receiver:
        receiver = Receiver(ClientProtocol(parse_uri("ws://server/")), ping_interval=None, max_queue=None)
        receiver.connection_made(Wire())
        receiver.protocol.send_request(receiver.protocol.connect())
        receiver.data_received(b"HTTP/1.1 403 X\r\nContent-Length: 4\r\n\r\n\x81\x02no")
        receiver.connection_lost(None)
        return receiver

    receiver = asyncio.run(work())
    assert receiver.take() == []
    assert receiver.response is not None
    assert receiver.response.body == b"\x81\x02no"


@pytest.mark.parametrize("cut", range(8))
def test_the_end_of_the_head_however_it_is_cut(cut: int) -> None:
    data = b"a\r\n\r\nbc"
    handshake = Handshake()
    first, second = handshake.split(data[:cut])
    head, rest = first, second
    if not second and not first.endswith(b"\r\n\r\n"):
        more, rest = handshake.split(data[cut:])
        head += more
    else:
        rest += data[cut:]
    assert (head, rest) == (b"a\r\n\r\n", b"bc")


def test_nothing_is_taken_before_it_is_whole() -> None:
    frames, found = PlainFrames(), list[bytes]()
    data = frame(b"hello", wide=True)
    for place in range(len(data)):
        assert frames.feed(data[place : place + 1], found, lambda _: None) == b""
        assert found == ([] if place < len(data) - 1 else [b"hello"])
