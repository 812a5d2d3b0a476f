"""F14: tweet_svc's store cannot be written for some time: SQLite is locked by a process, Cassandra stands still."""

from __future__ import annotations

import asyncio
import itertools
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import apsw

from dev_mesh.http_client import NoAnswer
from mesh.clock import SystemClock
from tests.faults.chaos.bar import Amount, Run
from tests.faults.chaos.judge import judge
from tests.faults.chaos.people import People, people_of
from tests.faults.posting import in_flight
from tests.mesh.support.api import Person
from tests.mesh.support.running_mesh import RunningMesh
from tests.support.wait_until import wait_until

PEOPLE = 16
FOLLOWED_BY_EACH = 4
AWAY_SECONDS = Amount(12, 30, 300)
POSTERS = 8
PAUSE_SECONDS = 0.2
POSTS_BEFORE = 40
RECOVERED_SECONDS = 5.0
LONGEST_RETRY_AFTER = 1
CLOCK = SystemClock()


async def take_the_store(run: Run) -> None:
    """Meanwhile nothing is acknowledged and everybody is told to come again; soon after all is as before."""
    async with people_of(run, count=PEOPLE, followed_by_each=FOLLOWED_BY_EACH) as people:
        posts = _Posts(people)
        async with asyncio.TaskGroup() as group:
            posting = [group.create_task(posts.post_on()) for _ in range(POSTERS)]
            await wait_until(lambda: posts.acknowledged() >= POSTS_BEFORE, at_most=60)
            with _away(people.mesh, run.store):
                began = CLOCK.monotonic()
                await asyncio.sleep(AWAY_SECONDS.at(run.scale))
                ended = CLOCK.monotonic()
            await asyncio.sleep(RECOVERED_SECONDS + 2)
            for task in posting:
                task.cancel()
        # A call that was there when it began may have been done before.
        during = [call for call in posts.calls if call.began > began and call.ended < ended]
        false = [call for call in during if call.status < 300]
        statuses = Counter(call.status for call in during)
        unasked = [call for call in during if call.status == 503 and not 0 < call.retry_after <= LONGEST_RETRY_AFTER]
        failed = [call.ended for call in posts.calls if call.status >= 300 or not call.status]
        recovered = max(0.0, max(failed, default=began) - ended)
        run.figures |= {"away s": AWAY_SECONDS.at(run.scale), "calls meanwhile": len(during)}
        run.figures |= {f"status {status}": count for status, count in sorted(statuses.items())}
        run.figures |= {"slowest s": round(max((call.ended - call.began for call in during), default=0.0), 2)}
        run.figures |= {"false acknowledgements": len(false), "last failure s after": round(recovered, 2)}
        run.expect("acknowledged while the store was away", false, is_so=not false)
        run.expect("calls were refused meanwhile", statuses, is_so=sum(statuses.values()) > 0)
        run.expect("every refusal is 503 or 504", statuses, is_so=set(statuses) <= {503, 504})
        run.expect("Retry-After of at most a second", unasked[:3], is_so=not unasked)
        run.expect("the last failure after it was back", recovered, is_so=recovered <= RECOVERED_SECONDS)
        await in_flight(sorted(posts.unknown), posts.settle, at_once=POSTERS)
        await judge(people, run)


@contextmanager
def _away(mesh: RunningMesh, store: str) -> Iterator[None]:
    if store == "cassandra":
        mesh.signal("cassandra", signal.SIGSTOP)
        try:
            yield
        finally:
            mesh.signal("cassandra", signal.SIGCONT)
        return
    connection = apsw.Connection(str(mesh.data_dir / "tweet_svc" / "tweet_svc.db"))
    connection.set_busy_timeout(10_000)
    connection.execute("BEGIN EXCLUSIVE")
    try:
        yield
    finally:
        connection.execute("ROLLBACK")
        connection.close()


@dataclass(frozen=True, slots=True)
class _Call:
    """Times are monotonic seconds; a status of 0 is no answer; `retry_after` is 0 when none was said."""

    began: float
    ended: float
    status: int
    retry_after: int


@dataclass
class _Posts:
    people: People
    calls: list[_Call] = field(default_factory=list)
    unknown: set[int] = field(default_factory=set)
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def acknowledged(self) -> int:
        return len(self.people.history.texts())

    async def post_on(self) -> None:
        """Each post is tried once; until cancelled."""
        while True:
            number = next(self._numbers)
            self.unknown.add(number)
            await self._attempt(number)
            await asyncio.sleep(PAUSE_SECONDS)

    async def _attempt(self, number: int) -> None:
        person, body, key = self._of(number)
        began = CLOCK.monotonic()
        try:
            answer = await self.people.api.call("POST", "/v1/tweets", body, by=person, key=key)
        except NoAnswer:
            self.calls.append(_Call(began, CLOCK.monotonic(), 0, 0))
            return
        pause = int(answer.headers.get("retry-after", "0"))
        self.calls.append(_Call(began, CLOCK.monotonic(), answer.status, pause))
        if answer.status == 201:
            self._acknowledge(number, int(answer.json["tweet"]["tweetId"]))

    async def settle(self, number: int) -> None:
        """Repeat it under its key."""
        person, body, key = self._of(number)
        answer = await self.people.api.insist("POST", "/v1/tweets", body, by=person, key=key)
        self._acknowledge(number, int(answer["tweet"]["tweetId"]))

    def _of(self, number: int) -> tuple[Person, dict[str, object], str]:
        person = self.people.everybody[number % len(self.people.everybody)]
        text = f"away {self.people.seed} {number}"
        self.people.attempted.add(text)
        return person, {"content": text}, f"away-{number}"

    def _acknowledge(self, number: int, tweet_id: int) -> None:
        person, body, _ = self._of(number)
        self.people.history.posted(person, tweet_id, str(body["content"]))
        self.unknown.discard(number)
