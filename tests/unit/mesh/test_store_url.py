"""Which store URLs are taken."""

from __future__ import annotations

from pathlib import Path

import pytest

from mesh.storage.url import CassandraUrl, SqliteUrl, parse_store_url

CLUSTER = "cassandra://ann:s%40cret@db1:9142,db2:9142/aviary?dc=here"


def folder_of(url: str) -> Path:
    parsed = parse_store_url(url)
    assert isinstance(parsed, SqliteUrl)
    return parsed.folder


def test_three_slashes_begin_an_absolute_folder() -> None:
    assert SqliteUrl(folder_of("sqlite:///var/lib/aviary")).file_of("tweet_svc") == Path("/var/lib/aviary/tweet_svc.db")


def test_no_slash_begins_a_relative_folder() -> None:
    assert folder_of("sqlite:.data/store") == Path(".data/store")


def test_a_folder_may_be_percent_encoded() -> None:
    assert folder_of("sqlite:///a%20folder%23") == Path("/a folder#")


@pytest.mark.parametrize(
    "url", ["", "sqlite:", "sqlite://host/folder", "postgres:///x", "/folder", "sqlite:///x?mode=ro", "sqlite:///x#y"]
)
def test_any_other_url_is_refused_with_an_example(url: str) -> None:
    with pytest.raises(ValueError, match="use sqlite:///absolute/folder"):
        parse_store_url(url)


def test_a_cluster_has_hosts_a_role_a_prefix_and_a_datacenter() -> None:
    assert parse_store_url(CLUSTER) == CassandraUrl(
        hosts=("db1", "db2"), port=9142, user="ann", password="s@cret", prefix="aviary", datacenter="here"
    )


def test_a_port_that_is_not_named_is_that_of_cql() -> None:
    url = parse_store_url("cassandra://ann:secret@db/aviary?dc=here")
    assert isinstance(url, CassandraUrl)
    assert url.port == 9042


def test_each_service_has_a_keyspace_that_begins_with_the_prefix() -> None:
    url = parse_store_url(CLUSTER)
    assert isinstance(url, CassandraUrl)
    assert url.keyspace_of("tweet") == "aviary_tweet"


def test_tls_may_have_an_authority_of_its_own() -> None:
    url = parse_store_url(f"{CLUSTER}&tls=true&ca_file=/etc/ca.pem")
    assert isinstance(url, CassandraUrl)
    assert (url.has_tls, url.ca_file) == (True, Path("/etc/ca.pem"))


@pytest.mark.parametrize(
    ("text", "replication"),
    [("3", (("here", 3),)), ("there:2,here:3", (("here", 3), ("there", 2)))],
)
def test_a_keyspace_may_have_copies_in_one_datacenter_or_in_several(
    text: str, replication: tuple[tuple[str, int], ...]
) -> None:
    url = parse_store_url(f"{CLUSTER}&replication={text}&compaction=unified")
    assert isinstance(url, CassandraUrl)
    assert (url.replication, url.compaction) == (replication, "UnifiedCompactionStrategy")


@pytest.mark.parametrize(
    ("url", "mistake"),
    [
        ("cassandra://ann:secret@/aviary?dc=here", "names no host"),
        ("cassandra://ann:secret@db1,,db2/aviary?dc=here", "names no host"),
        ("cassandra://ann:secret@db:cql/aviary?dc=here", "no number"),
        ("cassandra://ann:secret@db:70000/aviary?dc=here", "no number"),
        ("cassandra://ann:secret@db1:1,db2:2/aviary?dc=here", "several ports"),
        ("cassandra://db/aviary?dc=here", "lacks user:password@"),
        ("cassandra://ann@db/aviary?dc=here", "lacks user:password@"),
        ("cassandra://ann:secret@db?dc=here", "needs /prefix"),
        ("cassandra://ann:secret@db/Aviary?dc=here", "needs /prefix"),
        ("cassandra://ann:secret@db/aviary", "lacks [?]dc="),
        ("cassandra://ann:secret@db/aviary?dc=here&ssl=1", "an option other than"),
        ("cassandra://ann:secret@db/aviary?dc=here&tls=yes", "tls other than"),
        ("cassandra://ann:secret@db/aviary?dc=here&ca_file=/etc/ca.pem", "ca_file without tls"),
        ("cassandra://ann:secret@db/aviary?dc=here&replication=0", "a replication other than 3 or"),
        ("cassandra://ann:secret@db/aviary?dc=here&replication=3,there:2", "a replication other than 3 or"),
        ("cassandra://ann:secret@db/aviary?dc=here&replication=", "a replication other than 3 or"),
        ("cassandra://ann:secret@db/aviary?dc=here&compaction=windows", "other than size_tiered, leveled, unified"),
    ],
)
def test_a_mistake_in_the_url_of_a_cluster_is_named(url: str, mistake: str) -> None:
    with pytest.raises(ValueError, match=mistake) as raised:
        parse_store_url(url)
    assert "secret" not in str(raised.value)


def test_a_password_is_not_told() -> None:
    assert "s@cret" not in repr(parse_store_url(CLUSTER))
    with pytest.raises(ValueError, match="no store URL") as raised:
        parse_store_url("postgres://ann:secret@db/aviary")
    assert "secret" not in str(raised.value)
