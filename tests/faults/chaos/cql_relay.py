"""Stands between services and a Cassandra node: answers come late, statements arrive changed, or not at all."""

from __future__ import annotations

import asyncio
import struct
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from typing import TypeAlias
from urllib.parse import quote

from dev_mesh.cassandra.cluster import DATACENTER, SUPERUSER, LocalCluster
from dev_mesh.ports import plan_ports
from tests.faults.chaos.bar import Run
from tests.support.free_ports import free_row
from tests.support.wait_until import wait_until

# Of protocol version 4, without compression.
HEADER = struct.Struct(">BBhBi")
ERROR, RESULT, PREPARE, EXECUTE, BATCH = 0x00, 0x08, 0x09, 0x0A, 0x0D
ANSWER_OF_V4 = 0x84
IS_PREPARED = 4
HAS_VALUES = 0x01
INVALID = 0x2200
REFUSED = b"poison"

Values: TypeAlias = list[bytes | None]
# The values that the node is to get for a statement, by its text; None when it gets nothing and seems to refuse it.
Tamper: TypeAlias = Callable[[str, Values], Values | None]


@dataclass
class CqlRelay:
    """What is done to those who pass: `delay` is asked for each statement, in seconds; batches are not tampered with.

    `asked` counts statements and batches, `delayed` those whose answers came late. Both functions are called in the
    thread of the relay.
    """

    delay: Callable[[], float] = lambda: 0.0
    tamper: Tamper | None = None
    asked: int = 0
    delayed: int = 0
    texts: dict[bytes, str] = field(default_factory=dict)
    writers: set[asyncio.StreamWriter] = field(default_factory=set)
    server: asyncio.Server | None = None


@asynccontextmanager
async def behind(relay: CqlRelay, run: Run) -> AsyncIterator[tuple[LocalCluster, tuple[str, ...]]]:
    """The node of a mesh in the folder of the run, and its flags: its services reach the node through the relay only.

    There is one store URL for all of them: they come as the superuser of the cluster.
    """
    edge_port = free_row(60)
    ports = plan_ports(edge_port, has_cassandra=True)
    port, node_port = edge_port + len(ports), ports["cassandra"]
    data_dir = run.folder / "data"
    data_dir.mkdir(mode=0o700)
    cluster = LocalCluster(data_dir / "cassandra", port=node_port, storage_port=ports["cassandra nodes"])
    password = quote(cluster.password(SUPERUSER))
    url = f"cassandra://{SUPERUSER}:{password}@127.0.0.1:{port}/{cluster.prefix}?dc={DATACENTER}"
    # Not on the loop of the bar: that stands still while the mesh starts, which it does through the relay.
    with _loop_of_a_thread() as loop:
        await _done(_serve(relay, port, node_port), loop)
        yield cluster, ("--edge-port", str(edge_port), "--set", f"AVIARY_STORE_URL={url}")
        await _done(_cut(relay), loop)


@contextmanager
def _loop_of_a_thread() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="cql-relay", daemon=True)
    thread.start()
    try:
        yield loop
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _done(work: Coroutine[None, None, None], loop: asyncio.AbstractEventLoop) -> None:
    await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, loop))


async def _serve(relay: CqlRelay, port: int, node_port: int) -> None:
    relay.server = await asyncio.start_server(lambda *ends: _connected(relay, node_port, *ends), "127.0.0.1", port)


async def _cut(relay: CqlRelay) -> None:
    assert relay.server is not None
    relay.server.close()
    for writer in tuple(relay.writers):
        writer.close()
    await wait_until(lambda: not relay.writers)


async def _connected(
    relay: CqlRelay, node_port: int, reader: asyncio.StreamReader, client: asyncio.StreamWriter
) -> None:
    relay.writers.add(client)
    ends = [client]
    try:
        with suppress(OSError):
            from_node, node = await asyncio.open_connection("127.0.0.1", node_port)
            relay.writers.add(node)
            ends.append(node)
            one = _Connection(relay, node, client)
            await asyncio.gather(one.ask(reader), one.answer(from_node))
    finally:
        for end in ends:
            end.close()
        relay.writers.difference_update(ends)


@dataclass
class _Connection:
    relay: CqlRelay
    node: asyncio.StreamWriter
    client: asyncio.StreamWriter
    # By the place that the driver gave them: statements that the node learns, and seconds that an answer is held back.
    learned: dict[int, str] = field(default_factory=dict)
    held: dict[int, float] = field(default_factory=dict)

    async def ask(self, reader: asyncio.StreamReader) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                header = await reader.readexactly(HEADER.size)
                version, flags, place, opcode, length = HEADER.unpack(header)
                came = await reader.readexactly(length)
                if opcode == PREPARE:
                    self.learned[place] = came[4 : 4 + int.from_bytes(came[:4])].decode()
                if opcode in {EXECUTE, BATCH}:
                    self.relay.asked += 1
                    self._hold_back(place)
                body = _tampered(came, self.relay) if opcode == EXECUTE else came
                if body is None:
                    text = struct.pack(">iH", INVALID, len(REFUSED)) + REFUSED
                    self.client.write(HEADER.pack(ANSWER_OF_V4, 0, place, ERROR, len(text)) + text)
                else:
                    self.node.write(HEADER.pack(version, flags, place, opcode, len(body)) + body)
                    await self.node.drain()
        self.node.close()

    async def answer(self, reader: asyncio.StreamReader) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                header = await reader.readexactly(HEADER.size)
                _, _, place, opcode, length = HEADER.unpack(header)
                body = await reader.readexactly(length)
                text = self.learned.pop(place, "")
                if text and opcode == RESULT and int.from_bytes(body[:4]) == IS_PREPARED:
                    self.relay.texts[body[6 : 6 + int.from_bytes(body[4:6])]] = text
                if seconds := self.held.pop(place, 0.0):
                    asyncio.get_running_loop().call_later(seconds, self._send, header + body)
                else:
                    self._send(header + body)
                    await self.client.drain()
        self.client.close()

    def _hold_back(self, place: int) -> None:
        if seconds := self.relay.delay():
            self.relay.delayed += 1
            self.held[place] = seconds

    def _send(self, frame: bytes) -> None:
        if not self.client.is_closing():
            self.client.write(frame)


def _tampered(body: bytes, relay: CqlRelay) -> bytes | None:
    """An EXECUTE as it is to be, or None. Its id, consistency and flags come before the values, the rest after them."""
    if relay.tamper is None:
        return body
    at = 2 + int.from_bytes(body[:2])
    text = relay.texts.get(body[2:at], "")
    if not text or not body[at + 2] & HAS_VALUES:
        return body
    at += 3
    count, end = int.from_bytes(body[at : at + 2]), at + 2
    values: Values = []
    for _ in range(count):
        length = int.from_bytes(body[end : end + 4], signed=True)
        end += 4 + max(0, length)
        values.append(None if length < 0 else body[end - length : end])
    wanted = relay.tamper(text, list(values))
    if wanted is None:
        return None
    parts = [b"\xff\xff\xff\xff" if value is None else struct.pack(">i", len(value)) + value for value in wanted]
    return body[: at + 2] + b"".join(parts) + body[end:]
