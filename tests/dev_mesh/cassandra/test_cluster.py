"""What follows from a cluster's description, and which descriptions are refused."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from dev_mesh.cassandra.cluster import LocalCluster, OtherCluster, claim_home


def test_three_nodes_share_the_ring_evenly(tmp_path: Path) -> None:
    cluster = LocalCluster(tmp_path, nodes=3)
    tokens = [cluster.token(number) for number in cluster.numbers]
    steps = [after - before for before, after in zip(tokens, [*tokens[1:], tokens[0] + 2**64], strict=True)]
    assert max(steps) - min(steps) <= 1
    assert all(-(2**63) < token < 2**63 for token in tokens)


def test_a_store_url_names_every_node_the_role_and_the_prefix(tmp_path: Path) -> None:
    cluster = LocalCluster(tmp_path, nodes=3, port=9043, network="127.0.5", prefix="test")
    url = urlsplit(cluster.store_url("tweet"))
    assert (url.scheme, url.username, url.password) == ("cassandra", "test_tweet", cluster.password("test_tweet"))
    assert url.netloc.rpartition("@")[2] == "127.0.5.1:9043,127.0.5.2:9043,127.0.5.3:9043"
    assert (url.path, url.query) == ("/test", "dc=datacenter1")


def test_passwords_are_random_kept_and_for_the_owner_only(tmp_path: Path) -> None:
    cluster = LocalCluster(tmp_path / "a")
    first, second = cluster.password("aviary_user"), cluster.password("aviary_tweet")
    assert len({first, second}) == 2
    assert len(first) == 64
    assert LocalCluster(tmp_path / "a").password("aviary_user") == first
    folder = tmp_path / "a" / "passwords"
    modes = {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
    assert (stat.S_IMODE(folder.stat().st_mode), modes) == (0o700, {0o600})


def test_data_of_one_node_is_not_given_to_three(tmp_path: Path) -> None:
    claim_home(LocalCluster(tmp_path))
    claim_home(LocalCluster(tmp_path, port=9999))
    with pytest.raises(OtherCluster, match="holds a cluster of 1"):
        claim_home(LocalCluster(tmp_path, nodes=3))


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"nodes": 2}, "1 or 3 nodes, not 2"),
        ({"network": "10.0.0"}, "'10.0.0' does not begin"),
        ({"prefix": "Aviary-1"}, "'Aviary-1' cannot begin"),
        ({"prefix": "a" * 33}, "at most 32"),
        ({"commitlog_sync": "never"}, "group, batch, periodic, not 'never'"),
        ({"port": 7000}, "not two ports"),
        ({"storage_port": 70_000}, "not two ports"),
        ({"heap_megabytes": 64}, "heap of 64 MB"),
    ],
)
def test_what_no_cluster_can_be_made_of_is_refused(tmp_path: Path, wrong: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        LocalCluster(tmp_path, **wrong)
