"""What a real node still knows after it ended: all that it acknowledged, whether it was asked to end or killed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from dev_mesh.cassandra.session import TROUBLE
from tests.support.cassandra_nodes import CassandraParts, RunningCassandra, start_cassandra
from tests.support.wait_until import wait_until

Tell = Callable[[str], None]
WRITERS = 8
ACKNOWLEDGED = 1_000
TABLE = "aviary_tweet.kept"


async def acknowledged_before_a_kill(server: RunningCassandra) -> set[int]:
    """Numbers whose inserts were acknowledged; the node was killed while more were on their way."""
    acknowledged: list[int] = []
    with server.session("tweet") as session:
        session.execute(f"CREATE TABLE {TABLE} (id int PRIMARY KEY)")
        insert = session.prepare(f"INSERT INTO {TABLE} (id) VALUES (?)")

        def write(first: int) -> None:
            number = first
            try:
                while True:
                    session.execute(insert, [number])
                    acknowledged.append(number)
                    number += WRITERS
            except TROUBLE:
                return

        writers = [threading.Thread(target=write, args=[first]) for first in range(WRITERS)]
        for writer in writers:
            writer.start()
        await wait_until(lambda: len(acknowledged) >= ACKNOWLEDGED, at_most=30)
        server.kill()
        for writer in writers:
            writer.join()
    return set(acknowledged)


def kept(server: RunningCassandra) -> set[int]:
    with server.session("tweet") as session:
        return {row.id for row in session.execute(f"SELECT id FROM {TABLE}")}


async def test_a_killed_node_keeps_every_row_that_it_acknowledged(
    tmp_path: Path, cassandra_parts: CassandraParts, tell: Tell
) -> None:
    with start_cassandra(tmp_path, cassandra_parts) as server:
        acknowledged = await acknowledged_before_a_kill(server)
        server.start()
        lost = acknowledged - kept(server)
        tell(f"Cassandra, kill -9 and start: ready after {server.took:.1f} s, {len(lost)} of {len(acknowledged)} lost")
        assert not lost


async def test_the_same_kill_loses_rows_that_were_acknowledged_before_they_were_on_disk(
    tmp_path: Path, cassandra_parts: CassandraParts, tell: Tell
) -> None:
    """It shows that the test above can fail, and that the setting reaches the node."""
    with start_cassandra(tmp_path, cassandra_parts, commitlog_sync="periodic") as server:
        acknowledged = await acknowledged_before_a_kill(server)
        server.start()
        lost = acknowledged - kept(server)
        tell(f"Cassandra, the same with commitlog_sync periodic: {len(lost)} of {len(acknowledged)} lost")
        assert lost
