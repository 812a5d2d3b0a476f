"""A real node lets a service do everything in its own keyspace, and nothing elsewhere."""

from __future__ import annotations

import pytest
from cassandra import InvalidRequest, Unauthorized
from cassandra.cluster import Cluster, NoHostAvailable

from dev_mesh.cassandra.cluster import SERVICES, SUPERUSER
from dev_mesh.cassandra.session import open_session
from tests.support.cassandra_nodes import RunningCassandra

OWNED = "aviary_tweet.notes"


@pytest.fixture(scope="module", autouse=True)
def a_table_of_tweet_svc(cassandra_server: RunningCassandra) -> None:
    with cassandra_server.session("tweet") as session:
        session.execute(f"CREATE TABLE IF NOT EXISTS {OWNED} (id int PRIMARY KEY, note text)")
        session.execute(f"INSERT INTO {OWNED} (id, note) VALUES (1, 'mine')")


@pytest.mark.parametrize("service", SERVICES)
def test_a_role_does_in_its_keyspace_what_a_store_needs(cassandra_server: RunningCassandra, service: str) -> None:
    with cassandra_server.session(service) as session:
        session.set_keyspace(cassandra_server.cluster.role(service))
        session.execute("CREATE TABLE things (id int PRIMARY KEY, name text)")
        session.execute("ALTER TABLE things ADD size int")
        assert session.execute("INSERT INTO things (id, name) VALUES (1, 'a') IF NOT EXISTS").one().applied
        assert session.execute("SELECT name FROM things WHERE id = 1").one().name == "a"
        session.execute("DROP TABLE things")


@pytest.mark.parametrize(
    "statement",
    [
        f"SELECT * FROM {OWNED} WHERE id = 1",
        f"INSERT INTO {OWNED} (id) VALUES (2)",
        f"TRUNCATE {OWNED}",
        f"ALTER TABLE {OWNED} ADD more text",
        f"DROP TABLE {OWNED}",
        "CREATE TABLE aviary_tweet.more (id int PRIMARY KEY)",
        "DROP KEYSPACE aviary_tweet",
        "GRANT ALL PERMISSIONS ON KEYSPACE aviary_tweet TO aviary_graph",
        "CREATE KEYSPACE more WITH replication = {'class': 'NetworkTopologyStrategy', 'datacenter1': 1}",
        "CREATE ROLE more",
        f"ALTER ROLE {SUPERUSER} WITH PASSWORD = 'x'",
        "SELECT * FROM system_auth.roles",
    ],
)
def test_the_role_of_another_service_is_refused(cassandra_server: RunningCassandra, statement: str) -> None:
    with cassandra_server.session("graph") as session, pytest.raises(Unauthorized):
        session.execute(statement)


def test_a_query_that_would_read_a_whole_table_is_refused(cassandra_server: RunningCassandra) -> None:
    with cassandra_server.session("tweet") as session, pytest.raises(InvalidRequest, match="ALLOW FILTERING"):
        session.execute(f"SELECT * FROM {OWNED} WHERE note = 'mine' ALLOW FILTERING")


@pytest.mark.parametrize("role", [SUPERUSER, "aviary_tweet"])
def test_the_password_that_every_cassandra_begins_with_is_worth_nothing(
    cassandra_server: RunningCassandra, role: str
) -> None:
    with (
        pytest.raises(NoHostAvailable, match="Bad credentials"),
        open_session(cassandra_server.cluster, role=role, password="cassandra"),
    ):
        pass


def test_nobody_gets_in_without_a_name(cassandra_server: RunningCassandra) -> None:
    cluster = cassandra_server.cluster
    with (
        Cluster(cluster.hosts, port=cluster.port, protocol_version=4) as client,
        pytest.raises(NoHostAvailable, match="requires authentication"),
    ):
        client.connect()
