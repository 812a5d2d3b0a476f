"""Metrics over HTTP, under the names that dashboards use."""

import threading
import urllib.request

import pytest

from mesh.env import PortTaken
from mesh.metrics import Metrics, exposed
from tests.support.free_ports import free_row


def test_metrics_are_told_over_http_until_the_end() -> None:
    metrics, port = Metrics(), free_row(1)
    metrics.server_calls.labels("aviary.tweet.v1.TweetService", "GetTweet", "OK").inc()
    metrics.outbox_rows.set(3)
    with (
        exposed(metrics, f"127.0.0.1:{port}"),
        urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer,
    ):
        text = answer.read().decode()
    labels = 'code="OK",method="GetTweet",service="aviary.tweet.v1.TweetService"'
    assert f"aviary_rpc_server_calls_total{{{labels}}} 1.0" in text
    assert "aviary_outbox_rows 3.0" in text
    assert "process_cpu_seconds_total" in text
    with exposed(metrics, f"127.0.0.1:{port}"):
        pass


def test_no_address_is_no_server() -> None:
    before = threading.active_count()
    with exposed(Metrics(), ""):
        assert threading.active_count() == before


def test_a_port_in_use_is_told_with_its_setting() -> None:
    address = f"127.0.0.1:{free_row(1)}"
    with (
        exposed(Metrics(), address),
        pytest.raises(PortTaken, match=f"AVIARY_METRICS_LISTEN: cannot listen on {address}"),
        exposed(Metrics(), address),
    ):
        pass


def test_two_processes_worth_of_metrics_do_not_meet() -> None:
    first, second = Metrics(), Metrics()
    first.outbox_rows.set(1)
    assert second.registry.get_sample_value("aviary_outbox_rows") == 0.0
