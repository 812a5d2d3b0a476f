"""The services wired as their app.py does it, on stores and a bus in memory, each reached through what can fail."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from functools import partial
from random import Random
from typing import Any

from aviary.events.v1.events_pb2 import Event
from graph_svc.author_class import Bounds
from graph_svc.consumers.follow_changed import on_follow_changed
from graph_svc.flip import FlipJob
from graph_svc.servicer import Deps as GraphDeps
from graph_svc.servicer import GraphInternalServicer, GraphServicer
from graph_svc.store.memory import MemoryGraphStore
from mesh.events.consume import Confirmer, Consumer, Outcome
from mesh.events.memory import MemoryBus
from mesh.events.outbox import OutboxWorker
from mesh.ids import EPOCH_MS, SERVICES, IdSource
from mesh.metrics import Metrics
from mesh.paging import Paging
from mesh.storage.id_leases import NUMBERS
from mesh.storage.memory import MemoryOutbox
from tests.services.tweet_svc.known_engagement import KnownEngagement
from tests.simulation.bus import FaultyBus
from tests.simulation.faults import Faults, OutboxPort, Port, Process
from tests.simulation.network import Host, Stub
from tests.simulation.redis_commands import MemoryRedis, RedisPort
from tests.simulation.virtual_time import VirtualClock, VirtualLoop
from tests.support.known_users import KnownUsers
from timeline_svc.clients.graph import RemoteGraph
from timeline_svc.clients.tweets import RemoteAuthorTweets
from timeline_svc.consumers.author_class_changed import on_author_class_changed
from timeline_svc.consumers.fanout_job import abandon_fanout_job, on_fanout_job
from timeline_svc.consumers.follow_changed import on_follow_changed as match_follow
from timeline_svc.consumers.tweet_created import abandon_tweet_created
from timeline_svc.consumers.tweet_created import on_tweet_created as deliver_tweet
from timeline_svc.fanout.backfill import Backfill
from timeline_svc.fanout.deliver import Fanout
from timeline_svc.home.author_lists import AuthorLists
from timeline_svc.home.contexts import Standings
from timeline_svc.home.errands import Errands
from timeline_svc.home.explain import Explainer
from timeline_svc.home.page import HomeReader
from timeline_svc.home.rebuild import Rebuilder
from timeline_svc.home.skeleton import Skeletons
from timeline_svc.metrics import TimelineMetrics
from timeline_svc.model import TimelineLimits
from timeline_svc.servicer import Deps as TimelineDeps
from timeline_svc.servicer import TimelineServicer
from timeline_svc.store.memory import MemoryFanoutRecords, MemoryTimelineStore
from tweet_svc.consumers.tweet_created import on_tweet_created
from tweet_svc.consumers.tweet_deleted import on_tweet_deleted
from tweet_svc.convert import OwnTweets
from tweet_svc.servicer import Deps as TweetDeps
from tweet_svc.servicer import TweetInternalServicer, TweetServicer
from tweet_svc.store.memory import MemoryTweetStore
from views.cache import BodyCache
from views.clients.engagement import RemoteEngagements
from views.clients.graph import RemoteReadContexts
from views.clients.tweets import CachedTweets
from views.clients.users import CachedUsers
from views.metrics import ViewMetrics
from views.tweets import TweetReader

# Small, so that a run of forty operations meets every limit: trimmed timelines, cut backfills, chained fan-outs.
LIMITS = TimelineLimits(
    capacity=8, slack=2, build_expires=timedelta(seconds=5), build_taken_over=timedelta(seconds=1.5)
)
IDS_OF_A_BACKFILL = 2
FOLLOWERS_OF_A_LINK = 2
# BOTH lasts longer than any handler can, with all its stalls.
BOTH_FOR = timedelta(seconds=6)
ACK_WAIT, RETRY_AFTER = timedelta(seconds=2), timedelta(milliseconds=300)
REPEAT_AFTER, LONGEST_REPEAT = timedelta(seconds=2), timedelta(seconds=6)
# Each is a task that a killed relay leaves behind.
IN_FLIGHT = 8
MOST_CLOCK_ERROR_US = 1_000_000
LONGEST_TEXT = 280
# Hosts of the timelines' workers: two of them handle events of one timeline at the same time.
WORKERS = ("worker", "other worker")

# Figures that nobody reads; to make them takes longer than a run.
METRICS, VIEW_METRICS, TIMELINE_METRICS = Metrics(), ViewMetrics(), TimelineMetrics()


class SimulatedIds(IdSource):
    """Ids of one process: no other has its worker number."""

    def __init__(self, clock: VirtualClock, worker: int) -> None:
        self._clock = clock
        self._worker = worker
        self._last = 0

    def next_id(self) -> int:
        stamp = (self._clock.now_us() // 1_000 - EPOCH_MS) << 22 | self._worker << 12
        self._last = max(stamp, self._last + 1)
        return self._last


class SimulatedMesh:
    """Hosts, and the stores that outlive their processes."""

    def __init__(
        self, loop: VirtualLoop, faults: Faults, usernames: Iterable[str], *, pull_at: int, workers: int
    ) -> None:
        self._loop = loop
        self._faults = faults
        self._chance = Random(faults.chance.random())
        self._incarnations = 0
        self._bounds = Bounds(pull_at=pull_at, back_at=pull_at - 1, both_for=BOTH_FOR)
        clock = VirtualClock(loop)
        self.bus = MemoryBus(ack_wait=ACK_WAIT)
        self.redis = MemoryRedis(clock)
        self.homes = MemoryTimelineStore(limits=LIMITS, clock=clock)
        self.lists = MemoryTimelineStore(limits=LIMITS, clock=clock)
        self.records = MemoryFanoutRecords()
        self.tweet_outbox, self.graph_outbox = MemoryOutbox(), MemoryOutbox()
        self.tweets = MemoryTweetStore(self.tweet_outbox)
        self.graph = MemoryGraphStore(self.graph_outbox)
        self.users = KnownUsers(usernames)
        openers = {
            "user": self._open_user,
            "engagement": self._open_engagement,
            "tweet": self._open_tweet,
            "graph": self._open_graph,
            "timeline": self._open_timeline,
            **dict.fromkeys(WORKERS[:workers], self._open_worker),
        }
        self.hosts = {name: Host(name, loop, open_) for name, open_ in openers.items()}

    def start(self) -> None:
        """Every host that has no process gets one."""
        for host in self.hosts.values():
            host.start()

    def _open_user(self, _process: Process) -> tuple[list[Any], list[Any]]:
        return [self.users], []

    def _open_engagement(self, process: Process) -> tuple[list[Any], list[Any]]:
        """It has no part in the path but to confirm: rows wait for two groups."""

        async def nothing_to_do(_event: Event) -> Outcome:
            return Outcome.DONE

        events = {"tweet_created": nothing_to_do, "tweet_deleted": nothing_to_do}
        consumer = self._consumer(process, "engagement", FaultyBus(self.bus, process, self._faults), events=events)
        return [KnownEngagement()], [consumer.run()]

    def _open_tweet(self, process: Process) -> tuple[list[Any], list[Any]]:
        clock = self._clock()
        store: Any = Port(self.tweets, "tweet store", process, self._faults, may_be_late=True)
        cache = self._cache(process, clock)
        users = CachedUsers(cache, self._stub("user", process))
        reader = TweetReader(
            OwnTweets(store), users, RemoteEngagements(self._stub("engagement", process)), metrics=VIEW_METRICS
        )
        own = {
            "tweet_created": partial(on_tweet_created, store=store, cache=cache),
            "tweet_deleted": partial(on_tweet_deleted, cache=cache),
        }
        worker = self._relay(process, "tweet", self.tweet_outbox, clock=clock, own=own)
        deps = TweetDeps(store, reader, users, self._ids(clock, "tweet"), clock, Paging("key"), LONGEST_TEXT)
        return [TweetServicer(deps), TweetInternalServicer(deps)], [worker.run()]

    def _open_graph(self, process: Process) -> tuple[list[Any], list[Any]]:
        clock = self._clock()
        ids = self._ids(clock, "graph")
        store: Any = Port(self.graph, "graph store", process, self._faults)
        users = CachedUsers(self._cache(process, clock), self._stub("user", process))
        own = {"follow_changed": partial(on_follow_changed, store=store, ids=ids, clock=clock, bounds=self._bounds)}
        worker = self._relay(process, "graph", self.graph_outbox, clock=clock, own=own)
        outbox: Any = OutboxPort(self.graph_outbox, "graph store", process, self._faults)
        flips = FlipJob(store, outbox, clock=clock, bounds=self._bounds, followers_at_once=FOLLOWERS_OF_A_LINK)
        deps = GraphDeps(store, users, ids, clock, Paging("key"))
        return [GraphServicer(deps), GraphInternalServicer(store)], [worker.run(), flips.run()]

    def _open_timeline(self, process: Process) -> tuple[list[Any], list[Any]]:
        clock = self._clock()
        homes, lists = self._timelines(process)
        cache = self._cache(process, clock)
        errands = Errands(100)
        graph = RemoteGraph(self._stub("graph", process))
        ids = RemoteAuthorTweets(self._stub("tweet", process))
        rebuilder = Rebuilder(homes, graph, ids, errands, TIMELINE_METRICS, LIMITS.capacity)
        contexts = RemoteReadContexts(self._stub("graph", process))
        bodies = CachedTweets(cache, self._stub("tweet", process))
        reader = TweetReader(
            bodies,
            CachedUsers(cache, self._stub("user", process)),
            RemoteEngagements(self._stub("engagement", process)),
            metrics=VIEW_METRICS,
        )
        home = HomeReader(
            skeletons=Skeletons(homes, rebuilder, graph, ids),
            author_lists=AuthorLists(lists, ids, errands),
            standings=Standings(contexts, clock=clock),
            tweets=reader,
            store=homes,
            errands=errands,
            metrics=VIEW_METRICS,
        )
        records = self._records(process)
        explainer = Explainer(homes, lists, records, rebuilder, graph, contexts, ids, bodies)
        return [TimelineServicer(TimelineDeps(home, rebuilder, explainer, records, Paging("key")))], []

    def _open_worker(self, process: Process) -> tuple[list[Any], list[Any]]:
        clock = self._clock()
        homes, lists = self._timelines(process)
        bus = FaultyBus(self.bus, process, self._faults)
        graph = RemoteGraph(self._stub("graph", process))
        tweet_stub: Any = self._stub("tweet", process)
        tweets = CachedTweets(self._cache(process, clock), tweet_stub)
        records = self._records(process)
        fanout = Fanout(graph, homes, lists, bus, clock, METRICS, TIMELINE_METRICS, records)
        backfill = Backfill(graph, RemoteAuthorTweets(tweet_stub), homes, bus, IDS_OF_A_BACKFILL)
        confirmer = Confirmer(bus, "timeline")
        consumer = self._consumer(
            process,
            "timeline",
            bus,
            events={
                "tweet_created": partial(deliver_tweet, tweets=tweets, fanout=fanout),
                "follow_changed": partial(match_follow, backfill=backfill),
                "author_class_changed": partial(on_author_class_changed, bus=bus),
            },
            jobs={"job.fanout.*": partial(on_fanout_job, fanout=fanout, backfill=backfill, confirmer=confirmer)},
            abandon_job=partial(abandon_fanout_job, records=records, confirmer=confirmer),
            abandon_event=partial(abandon_tweet_created, records=records),
            confirmer=confirmer,
        )
        return [], [consumer.run()]

    def _consumer(self, _process: Process, group: str, bus: FaultyBus, **parts: Any) -> Consumer:
        return Consumer(
            bus,
            group=group,
            clock=self._clock(),
            metrics=METRICS,
            ack_wait=ACK_WAIT,
            retry_after=RETRY_AFTER,
            **parts,
        )

    def _relay(
        self, process: Process, service: str, outbox: MemoryOutbox, *, clock: VirtualClock, own: Any
    ) -> OutboxWorker:
        port: Any = OutboxPort(outbox, f"{service} store", process, self._faults)
        return OutboxWorker(
            port,
            FaultyBus(self.bus, process, self._faults),
            service=service,
            own=own,
            clock=clock,
            metrics=METRICS,
            repeat_after=REPEAT_AFTER,
            longest_repeat=LONGEST_REPEAT,
            in_flight=IN_FLIGHT,
        )

    def _stub(self, name: str, process: Process) -> Any:
        return Stub(self.hosts[name], process, self._faults, limit=FOLLOWERS_OF_A_LINK)

    def _cache(self, process: Process, clock: VirtualClock) -> BodyCache:
        redis = RedisPort(Port(self.redis, "redis", process, self._faults))
        return BodyCache(redis, clock=clock, metrics=VIEW_METRICS)

    def _timelines(self, process: Process) -> tuple[Any, Any]:
        homes, lists = (Port(store, "redis", process, self._faults) for store in (self.homes, self.lists))
        return homes, lists

    def _records(self, process: Process) -> Any:
        return Port(self.records, "redis", process, self._faults)

    def _clock(self) -> VirtualClock:
        """Every process has a wrong clock of its own."""
        return VirtualClock(self._loop, self._chance.randint(-MOST_CLOCK_ERROR_US, MOST_CLOCK_ERROR_US))

    def _ids(self, clock: VirtualClock, service: str) -> SimulatedIds:
        self._incarnations += 1
        return SimulatedIds(clock, SERVICES.index(service) * NUMBERS + self._incarnations % NUMBERS)
