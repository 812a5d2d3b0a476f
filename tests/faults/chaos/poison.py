"""The bar of events that cannot be handled: each is kept as a dead letter, the others go on, a replay restores all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import apsw

from mesh.clock import SystemClock
from tests.faults.chaos.bar import Amount, Bar, Run
from tests.faults.chaos.broker import open_broker
from tests.faults.chaos.judge import judge
from tests.faults.chaos.mixed import FOLLOWED_BY_EACH, LONGEST_SECONDS, PEOPLE, WORKERS
from tests.faults.chaos.people import People, people_of
from tests.mesh.support.operator import Operator
from tests.mesh.support.running_mesh import RunningMesh
from tests.support.wait_until import wait_until

PAUSE_SECONDS = 0.05
# Of what the others would get done without poison: their backlog after the posts may be longer than without it by a
# tenth of the time that the posts took. The posts' own pace is the machine's, and no matter of poison.
LEAST_PACE = 0.9
OTHERS_SECONDS = 15.0
# A handler is tried six times, with pauses of 31 s in all.
GIVEN_UP_SECONDS = 75.0
REPLAYED_SECONDS = 30.0
# No event, no message at all, and an event of a kind that nobody knows.
GARBAGE = (b"\xff", b"", b"\x08\x07")


@dataclass(frozen=True, slots=True)
class Poison:
    """How many posts, without poison and then with it; of so many one row is damaged and one handler fails."""

    posts: Amount
    one_of: Amount


def poison(number: str, title: str, amounts: Poison) -> Bar:
    """A bar with so much poison."""
    return Bar(number, title, partial(_hold, amounts))


async def _hold(amounts: Poison, run: Run) -> None:
    assert run.store == "sqlite", "the poison is a trigger in the files of SQLite; there is none for Cassandra"
    async with people_of(run, count=PEOPLE.at(run.scale), followed_by_each=FOLLOWED_BY_EACH) as people:
        operator = Operator(people.mesh)
        posts = amounts.posts.at(run.scale)
        clean = await _post_until_others_are_done(people, operator, posts)
        with _poisoned(people, one_of=amounts.one_of.at(run.scale)) as store:
            async with open_broker(people.mesh) as broker:
                for garbage in GARBAGE:
                    await broker.jetstream.publish("ev.tweet.created.00", garbage)
            poisoned = await _post_until_others_are_done(people, operator, posts, store)
            pace = poisoned.posting / (poisoned.posting + max(0.0, poisoned.backlog - clean.backlog))
            run.figures["s without poison"] = round(clean.posting + clean.backlog, 1)
            run.figures["s with it"] = round(poisoned.posting + poisoned.backlog, 1)
            run.figures["others' pace, per cent"] = round(100 * pace)
            run.expect("the others go on", (clean, poisoned), is_so=pace >= LEAST_PACE)
            await _until_given_up(people, operator, store, run)
        store.mend()
        await _replay(people, operator, store, run)
        await judge(people, run)


@dataclass(frozen=True, slots=True)
class _Took:
    """Seconds of posting, and from then on until the last effect."""

    posting: float
    backlog: float


@dataclass(frozen=True, slots=True)
class _Store:
    """The files of tweet_svc and engagement_svc, as somebody who repairs them has them open."""

    tweets: apsw.Connection
    one_of: int
    after: int

    def damaged(self) -> set[int]:
        """Events whose bytes were replaced."""
        return {int(row[0]) for row in self.tweets.execute("SELECT event_id FROM damaged")}

    def failing(self, people: People) -> set[int]:
        """Events that engagement_svc cannot handle."""
        posted = (tweet for tweet in people.history.texts() if tweet > self.after)
        return {tweet for tweet in posted if (tweet >> 22) % self.one_of == 1} - self.damaged()

    def mend(self) -> None:
        """Put the bytes back."""
        self.tweets.execute(
            "UPDATE outbox SET payload = damaged.payload FROM damaged WHERE damaged.event_id = outbox.event_id"
        )


@contextmanager
def _poisoned(people: People, *, one_of: int) -> Iterator[_Store]:
    """For as long as the block lasts, rows are damaged as they are written, and one handler fails for some tweets."""
    tweets, engagement = _open(people.mesh, "tweet_svc"), _open(people.mesh, "engagement_svc")
    tweets.execute("CREATE TABLE damaged (event_id INTEGER PRIMARY KEY, payload BLOB NOT NULL)")
    tweets.execute(
        f"CREATE TRIGGER damage AFTER INSERT ON outbox WHEN NEW.sequence % {one_of} = 0 BEGIN"
        " INSERT INTO damaged VALUES (NEW.event_id, NEW.payload);"
        " UPDATE outbox SET payload = x'ff' WHERE sequence = NEW.sequence; END"
    )
    engagement.execute(
        f"CREATE TRIGGER fail BEFORE INSERT ON tweets WHEN (NEW.tweet_id >> 22) % {one_of} = 1 BEGIN"
        " SELECT RAISE(ABORT, 'poison'); END"
    )
    try:
        yield _Store(tweets, one_of, after=max(people.history.texts()))
    finally:
        tweets.execute("DROP TRIGGER damage")
        engagement.execute("DROP TRIGGER fail")
        engagement.close()


def _open(mesh: RunningMesh, service: str) -> apsw.Connection:
    connection = apsw.Connection(str(Path(mesh.find(service)["directory"]) / f"{service}.db"))
    connection.set_busy_timeout(10_000)
    return connection


async def _post_until_others_are_done(
    people: People, operator: Operator, posts: int, store: _Store | None = None
) -> _Took:
    """Make so many posts, and wait until all those that are not poisoned had their effects."""
    clock = SystemClock()
    began, done = clock.monotonic(), people.done
    async with people.at_work(workers=WORKERS, acts=("post", "post", "reply"), pause=PAUSE_SECONDS):
        await wait_until(partial(people.have_done, done + posts), at_most=LONGEST_SECONDS)
    posted = clock.monotonic()

    async def are_done() -> bool:
        waiting = {entry.event_id for entry in await operator.outbox("tweet_svc")}
        return not waiting - (store.failing(people) | store.damaged() if store else set())

    await wait_until(are_done, at_most=OTHERS_SECONDS)
    return _Took(posted - began, clock.monotonic() - posted)


async def _until_given_up(people: People, operator: Operator, store: _Store, run: Run) -> None:
    """Every poisoned event becomes a dead letter, with its bytes if they can be read, and nothing else does."""
    damaged, failing = store.damaged(), store.failing(people)
    people.dead |= damaged
    run.figures["damaged rows"] = len(damaged)
    run.figures["failing events"] = len(failing)
    run.expect("some of both kinds", (damaged, failing), is_so=bool(damaged and failing))

    async def is_empty() -> bool:
        return not await operator.outbox("tweet_svc")

    await wait_until(is_empty, at_most=GIVEN_UP_SECONDS)
    letters = await operator.dead_letters("tweet_svc")
    found = {letter.entry.event_id: letter.consumer_group for letter in letters}
    expected = dict.fromkeys(damaged, "tweet") | dict.fromkeys(failing, "engagement")
    run.figures["dead letters"] = len(letters)
    run.expect("every poisoned event is a dead letter, and no other", found, is_so=found == expected)
    readable = {letter.entry.event_id for letter in letters if letter.HasField("event")}
    run.expect("with its event, where that can be read", readable, is_so=readable == failing)


async def _replay(people: People, operator: Operator, store: _Store, run: Run) -> None:
    wanted = store.damaged() | store.failing(people)
    replayed = await operator.replay("tweet_svc", sorted(wanted))
    run.figures["replayed"] = len(replayed)
    run.expect("all are replayed", replayed, is_so=set(replayed) == wanted)

    async def is_empty() -> bool:
        return not (await operator.outbox("tweet_svc") or await operator.dead_letters("tweet_svc"))

    await wait_until(is_empty, at_most=REPLAYED_SECONDS)
    store.tweets.close()
