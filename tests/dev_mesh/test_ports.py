"""The order of the ports, and what is said of one that is taken."""

from __future__ import annotations

import socket

import pytest

from dev_mesh.ports import PortTaken, check_free, plan_ports
from tests.support.free_ports import free_row


def test_the_ports_follow_the_edge_in_the_documented_order() -> None:
    ports = plan_ports(8080)
    assert list(ports.values()) == list(range(8080, 8097))
    assert (ports["edge"], ports["user_svc"], ports["timeline_svc-work"]) == (8080, 8081, 8086)
    assert (ports["redis"], ports["nats"], ports["nats monitor"], ports["edge metrics"]) == (8087, 8088, 8089, 8090)
    assert (ports["user_svc metrics"], ports["timeline_svc-work metrics"]) == (8091, 8096)


def test_each_replica_takes_the_next_twelve() -> None:
    ports = plan_ports(8080, replicas=3)
    assert len(set(ports.values())) == 17 + 24
    assert (ports["user_svc-2"], ports["user_svc-2 metrics"], ports["user_svc-3"]) == (8097, 8103, 8109)


def test_cassandra_takes_the_last_two() -> None:
    ports = plan_ports(8080, replicas=2, has_cassandra=True)
    assert (ports["cassandra"], ports["cassandra nodes"]) == (8109, 8110)
    assert set(ports) - set(plan_ports(8080, replicas=2)) == {"cassandra", "cassandra nodes"}


@pytest.mark.parametrize("edge_port", [0, -1, 65530, 70000])
def test_ports_beyond_the_range_are_refused_by_the_name_of_the_flag(edge_port: int) -> None:
    with pytest.raises(ValueError, match="--edge-port"):
        plan_ports(edge_port)


def test_a_taken_port_is_named_with_its_use_and_its_flag() -> None:
    ports = plan_ports(free_row(17))
    check_free(ports)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", ports["graph_svc"]))
        taken.listen()
        with pytest.raises(PortTaken) as raised:
            check_free(ports)
    assert f"port {ports['graph_svc']} (graph_svc, edge-port + 3)" in str(raised.value)
    assert "--edge-port" in str(raised.value)
