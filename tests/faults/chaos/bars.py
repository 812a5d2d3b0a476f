"""The bars that are held, by the numbers of docs/reliability.md."""

from __future__ import annotations

import signal
from functools import partial

from tests.faults.chaos.acks_lost import AcksLost, acks_lost
from tests.faults.chaos.at_failpoints import at_failpoints
from tests.faults.chaos.bar import Amount, Bar
from tests.faults.chaos.blows import empty_redis, evict_some, kill_anything, kill_nats, lose_nats
from tests.faults.chaos.broker_blows import count_ghosts, freeze_nats, take_away
from tests.faults.chaos.cancelled_posts import leave_posts
from tests.faults.chaos.classes import cross_the_threshold
from tests.faults.chaos.copies import copy_posts
from tests.faults.chaos.failing_disk import fail_the_disk
from tests.faults.chaos.frozen_worker import FrozenWorker, frozen_worker
from tests.faults.chaos.hot_tweet import like_one_tweet
from tests.faults.chaos.mixed import Load, mixed
from tests.faults.chaos.outage import Outage, outage
from tests.faults.chaos.poison import Poison, poison
from tests.faults.chaos.power_cuts import cut_the_power
from tests.faults.chaos.promoted_replica import PromotedReplica, promoted_replica
from tests.faults.chaos.pytest_files import held_by
from tests.faults.chaos.replayed import Replay, replayed
from tests.faults.chaos.replicas import Going, one_of_two
from tests.faults.chaos.restored import restore
from tests.faults.chaos.simulated import simulate
from tests.faults.chaos.slow_store import slow_the_store
from tests.faults.chaos.soak import soak
from tests.faults.chaos.steady_lag import load_and_look
from tests.faults.chaos.stopped_holders import stop_holders
from tests.faults.chaos.store_away import take_the_store
from tests.faults.chaos.two_of_each import TwoOfEach, two_of_each
from tests.faults.chaos.unfollows import unfollow_and_look
from tests.faults.chaos.walks import walk_lists
from tests.faults.chaos.wrong_clocks import jump_clocks

WRITES = ("post", "post", "reply", "post", "read")
EVERYTHING = ("post", "post", "reply", "delete", "follow", "unfollow", "like", "like", "unlike", "read")

BARS: tuple[Bar, ...] = (
    mixed(
        "F01",
        "kill -9 of anything, under posts and replies",
        Load(WRITES, Amount(400, 1_500, 15_000), Amount(4, 8, 20), kill_anything),
    ),
    mixed(
        "F02",
        "kill -9 of anything, under posts to timelines that grow beyond what they promise",
        Load(WRITES, Amount(400, 2_600, 20_000), Amount(3, 6, 20), kill_anything, followed_by_each=20),
    ).not_quick(),
    at_failpoints(
        "F03", "every failpoint: the process dies there, twice; the step fails; others are struck meanwhile"
    ).not_quick(),
    Bar("F04", "SQLite: the power cut at any write, sync or delete, under posts", cut_the_power),
    mixed(
        "F05",
        "NATS lost with its store, under everything people do",
        Load(EVERYTHING, Amount(300, 1_000, 6_000), Amount(1, 2, 3), lose_nats),
    ),
    mixed(
        "F06",
        "kill -9 of NATS, under posts",
        Load(("post",), Amount(150, 500, 5_000), Amount(2, 5, 20), kill_nats),
    ),
    replayed(
        "F07",
        "the whole stream EVENTS published again twice, shuffled",
        Replay(EVERYTHING, Amount(400, 3_500, 80_000), events=Amount(10_000, 10_000, 200_000), times=2),
    ),
    outage(
        "F08",
        "NATS away under posts",
        Outage("nats", ("post",), Amount(15, 60, 600), before_seconds=20.0),
    ).not_quick(),
    mixed(
        "F09",
        "Redis emptied, under reads",
        Load(("read", "read", "read", "post", "reply"), Amount(300, 1_000, 8_000), Amount(2, 4, 20), empty_redis),
    ),
    outage(
        "F10",
        "Redis away, stopped and then frozen, under reads and posts",
        Outage("redis", ("read", "read", "post"), Amount(10, 30, 300), before_seconds=20.0),
        Outage("redis", ("read", "read", "post"), Amount(10, 30, 300), before_seconds=20.0, is_frozen=True),
    ).not_quick(),
    promoted_replica(
        "F11",
        "a replica of Redis promoted that lacks the last two seconds",
        PromotedReplica(("read", "read", "post", "reply"), Amount(200, 600, 5_000)),
    ),
    mixed(
        "F12",
        "30 % of the keys in Redis evicted, under reads",
        Load(("read", "read", "read", "post", "reply"), Amount(300, 1_000, 8_000), Amount(2, 4, 10), evict_some),
    ),
    Bar(
        "F13",
        "every fifth operation of a store half a second slower: a sync of SQLite, an answer of Cassandra",
        slow_the_store,
    ),
    Bar("F14", "the store of tweets cannot be written for some time, under posts", take_the_store),
    Bar("F15", "SQLite: the disk full, or failing at a write or a sync, under posts", fail_the_disk),
    Bar("F16", "ids: clocks that jump, in a process and between two starts", jump_clocks),
    Bar("F17", "ids: holders of leases stand still until others have their numbers", stop_holders),
    Bar("F18", "kill -9 of anything, under eight copies of each post at once", copy_posts),
    mixed(
        "F19",
        "kill -9 of anything, under likes and their taking back",
        Load(("like", "like", "unlike", "post"), Amount(400, 4_000, 40_000), Amount(3, 8, 20), kill_anything),
    ),
    Bar("F20", "kill -9 of engagement_svc, under everybody's likes of one tweet", like_one_tweet),
    mixed(
        "F21",
        "kill -9 of anything, under follows, unfollows and posts",
        Load(("follow", "unfollow", "post"), Amount(300, 2_000, 10_000), Amount(3, 6, 20), kill_anything),
    ),
    Bar("F22", "kill -9 of the timelines' worker, under unfollows, and pages a second later", unfollow_and_look),
    mixed(
        "F23",
        "kill -9 of anything, under posts and deletes",
        Load(("post", "reply", "delete", "read"), Amount(300, 1_500, 8_000), Amount(3, 6, 20), kill_anything),
    ),
    Bar("F24", "kill -9 of graph_svc, under posts of an author whose class goes up and down", cross_the_threshold),
    Bar("F25", "walks through lists, under posts and deletes", walk_lists),
    poison(
        "F27",
        "1 % of the events cannot be read, and 1 % cannot be handled",
        Poison(posts=Amount(300, 1_000, 20_000), one_of=Amount(40, 100, 100)),
    ).not_quick(),
    frozen_worker(
        "F28",
        "a fan-out worker stopped for longer than the broker waits",
        FrozenWorker(freezes=Amount(1, 2, 20), posts=Amount(100, 100, 100)),
    ),
    one_of_two(
        "F29",
        "every process of every service is told to end, one after the other",
        Going(signal.SIGTERM, noticed_seconds=0.0, most_failed=0.0001, rounds=Amount(1, 1, 5)),
    ).not_quick(),
    one_of_two(
        "F30",
        "kill -9 of one of two, of every service",
        Going(signal.SIGKILL, noticed_seconds=5.0, most_failed=0.005, rounds=Amount(1, 1, 5)),
    ).not_quick(),
    one_of_two(
        "F31",
        "one of two stands still, of every service",
        Going(signal.SIGSTOP, noticed_seconds=4.0, most_failed=1.0, rounds=Amount(1, 1, 3), frozen_seconds=9.0),
    ).not_quick(),
    acks_lost(
        "F33",
        "kill -9 of NATS just after it took all acks",
        AcksLost(kills=Amount(3, 10, 100), posts=Amount(40, 40, 40)),
    ),
    replayed(
        "F34",
        "events published again after the broker was killed",
        Replay(EVERYTHING, Amount(200, 600, 6_000), events=Amount(100, 100, 1_000), times=1, is_broker_killed=True),
    ),
    two_of_each(
        "F35",
        "two relays and two fan-out workers, 10 % of the confirmations dropped",
        TwoOfEach(EVERYTHING, Amount(300, 2_400, 20_000)),
    ).not_quick(),
    mixed(
        "F36",
        "streams and consumers deleted or purged on the live server",
        Load(
            ("post", "reply", "delete", "follow", "unfollow"),
            Amount(600, 1_200, 6_000),
            Amount(5, 5, 25),
            take_away(),
            pause=0.1,
        ),
    ),
    held_by(
        "F37",
        "a handler, or work that several calls share, is cancelled from inside",
        *("tests/unit/mesh/test_answers.py", "-k", "cancel"),
    ),
    Bar("F38", "clients that go away in the middle of a post", leave_posts),
    Bar("F39", "nothing but an ordinary load, a fifth of it left by its clients", soak).not_quick(),
    Bar("F40", "nothing but an ordinary load: no event loop of a process is held up", load_and_look),
    Bar("F42", "everything killed, and a new mesh on a copy of the stores alone", partial(restore, acts=EVERYTHING)),
    mixed(
        "F43",
        "NATS frozen so that publishes time out and arrive later",
        Load(("post",), Amount(280, 1_500, 15_000), Amount(3, 20, 200), freeze_nats, pause=0.25, control=count_ghosts),
    ),
    held_by(
        "F44",
        "Cassandra: kill -9 in the middle of a thousand posts, and answers that never come after it was done",
        "tests/faults/test_cassandra_killed.py",
        "tests/services/mesh/test_cassandra_asking.py",
        "tests/mesh/test_on_cassandra.py",
    ),
    Bar("F51", "everything at once, between any two steps: many seeds of the simulation, without a store", simulate),
)

# They compare how long calls take, how many fail within some seconds, or what is shown a second later: nothing else is
# held beside them.
ALONE = frozenset({"F08", "F10", "F13", "F14", "F22", "F29", "F30", "F31", "F40"})
# They take minutes, and begin first, so that none of them is left over at the end.
LONG = frozenset({"F03", "F39", "F51"})
# Bars of one store: what they strike is a part of it.
ONLY_ON = {"F04": "sqlite", "F15": "sqlite", "F44": "cassandra"}
# They strike NATS and Redis alone. On Cassandra, where a node takes time to start, the quick table goes without them.
SLOW_ON_CASSANDRA = frozenset({"F06", "F07", "F09", "F11", "F12", "F28", "F33", "F34", "F36", "F43"})
# There these have their quick amounts at ci too: an act takes two to three times as much of a core.
FEWER_ON_CASSANDRA = SLOW_ON_CASSANDRA | {"F01", "F02", "F05", "F19", "F21", "F22", "F23", "F24", "F25"}
