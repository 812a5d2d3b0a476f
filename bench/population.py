"""The people of a bench: accounts, follows from a graph, tweets, and a token for each."""

from __future__ import annotations

import asyncio
import random
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import grpc

from aviary.auth.v1 import auth_service_pb2, auth_service_pb2_grpc
from aviary.graph.v1 import graph_service_pb2, graph_service_pb2_grpc
from aviary.timeline.v1 import timeline_service_pb2_grpc
from aviary.tweet.v1 import tweet_service_pb2, tweet_service_pb2_grpc
from aviary.user.v1 import user_service_pb2, user_service_pb2_grpc
from bench.mesh_under_test import MeshUnderTest

PASSWORD = "bench people 42"
IN_FLIGHT = 16
DEADLINE_SECONDS = 10

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Stubs:
    """The public services, called without the edge."""

    users: user_service_pb2_grpc.UserServiceAsyncStub
    auth: auth_service_pb2_grpc.AuthServiceAsyncStub
    tweets: tweet_service_pb2_grpc.TweetServiceAsyncStub
    graph: graph_service_pb2_grpc.GraphServiceAsyncStub
    timeline: timeline_service_pb2_grpc.TimelineServiceAsyncStub


@dataclass(frozen=True, slots=True)
class Person:
    """An account with its token."""

    user_id: int
    token: str

    @property
    def metadata(self) -> tuple[tuple[str, str], ...]:
        """What identifies the person in a call."""
        return (("authorization", f"Bearer {self.token}"),)


@asynccontextmanager
async def open_stubs(mesh: MeshUnderTest) -> AsyncIterator[Stubs]:
    """Channels to each public service."""
    names = ("user_svc", "tweet_svc", "graph_svc", "timeline_svc")
    channels = {name: grpc.aio.insecure_channel(mesh.addresses[name]) for name in names}
    try:
        yield Stubs(
            users=user_service_pb2_grpc.UserServiceStub(channels["user_svc"]),
            auth=auth_service_pb2_grpc.AuthServiceStub(channels["user_svc"]),
            tweets=tweet_service_pb2_grpc.TweetServiceStub(channels["tweet_svc"]),
            graph=graph_service_pb2_grpc.GraphServiceStub(channels["graph_svc"]),
            timeline=timeline_service_pb2_grpc.TimelineServiceStub(channels["timeline_svc"]),
        )
    finally:
        for channel in channels.values():
            await channel.close()


def read_graph(path: Path) -> list[tuple[int, int]]:
    """The edges "a b" of an edge list, one a line, as pairs of numbers; each is a friendship, so two follows."""
    pairs = [line.split()[:2] for line in path.read_text().splitlines() if line and line[0] not in "#%"]
    return [(int(a), int(b)) for a, b in pairs]


def make_graph(people: int, friends_each: int, chance: random.Random) -> list[tuple[int, int]]:
    """A power-law friendship graph by preferential attachment (Barabasi and Albert, 1999)."""
    ends: list[int] = list(range(friends_each))
    edges = []
    for newcomer in range(friends_each, people):
        for friend in {chance.choice(ends) for _ in range(friends_each)}:
            edges.append((newcomer, friend))
            ends += (newcomer, friend)
    return edges


async def sign_up(stubs: Stubs, count: int, *, prefix: str) -> list[Person]:
    """`count` new accounts, logged in."""

    async def one(number: int) -> Person:
        name = f"{prefix}{number}"
        asked = user_service_pb2.CreateUserRequest(
            username=name, email=f"{name}@example.com", password=PASSWORD, request_id=f"bench-{name}"
        )
        await repeated(lambda: stubs.users.CreateUser(asked, timeout=DEADLINE_SECONDS))
        login = auth_service_pb2.CreateSessionRequest(login=name, password=PASSWORD)
        session = await repeated(lambda: stubs.auth.CreateSession(login, timeout=DEADLINE_SECONDS))
        return Person(session.user_id, session.tokens.access_token)

    return await each(range(count), one, what="accounts", in_flight=4)


async def follow(stubs: Stubs, people: Sequence[Person], edges: Iterable[tuple[int, int]]) -> None:
    """The first of each pair follows the second; pairs are indexes into `people`."""

    async def one(edge: tuple[int, int]) -> None:
        asked = graph_service_pb2.FollowUserRequest(user_id=people[edge[1]].user_id)
        metadata = people[edge[0]].metadata
        await repeated(lambda: stubs.graph.FollowUser(asked, metadata=metadata, timeout=DEADLINE_SECONDS))

    await each(list(edges), one, what="follows", in_flight=IN_FLIGHT)


async def post(stubs: Stubs, author: Person, text: str) -> int:
    """Post one tweet and return its id."""
    asked = tweet_service_pb2.CreateTweetRequest(content=text)
    answer = await stubs.tweets.CreateTweet(asked, metadata=author.metadata, timeout=DEADLINE_SECONDS)
    return answer.tweet.tweet_id


async def repeated(call: Callable[[], Awaitable[T]]) -> T:
    """The answer of a call that may be repeated; a busy machine can use up the time of one attempt."""
    for _ in range(4):
        try:
            return await call()
        except grpc.aio.AioRpcError as error:
            if error.code() not in {grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.UNAVAILABLE}:
                raise
    return await call()


async def each(items: Sequence[T], one: Callable[[T], Awaitable[R]], *, what: str, in_flight: int) -> list[R]:
    """Do `one` for all items, `in_flight` at a time, in order of the items, with a progress line on stderr."""
    waiting = iter(enumerate(items))
    results: dict[int, R] = {}

    async def worker() -> None:
        for index, item in waiting:
            results[index] = await one(item)
            if len(results) % max(1, len(items) // 20) == 0:
                print(f"\r  {what}: {len(results)} of {len(items)}", end="", file=sys.stderr, flush=True)

    await asyncio.gather(*(worker() for _ in range(in_flight)))
    print(file=sys.stderr)
    return [results[index] for index in range(len(items))]
