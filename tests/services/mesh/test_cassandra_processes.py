"""A service's process whose store is a cluster: what it says when something is wrong with it, and what it answers."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Literal

import grpc
import pytest

from mesh.storage.cassandra import Statement
from mesh.storage.url import CassandraUrl
from tests.support.cassandra import open_keyspace, store_url
from tests.support.free_ports import free_row
from tests.support.relay import relay
from tests.support.running import failure
from tests.support.service_process import NOT_SERVING, SERVING, started
from tests.support.wait_until import wait_until

SERVICES = ("tweet", "user")
SECRET = "pa55-of-nobody"


def written(
    url: CassandraUrl, *, host: str = "", port: int = 0, password: str = "", prefix: str = "", datacenter: str = ""
) -> str:
    """The URL as an operator writes it, with some parts changed."""
    password = password or url.password
    place = f"{host or url.hosts[0]}:{port or url.port}/{prefix or url.prefix}?dc={datacenter or url.datacenter}"
    return f"cassandra://{url.user}:{password}@{place}"


Trouble = Literal["name", "unreachable", "password", "keyspace", "datacenter"]


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize(
    ("trouble", "reason"),
    [
        ("name", "nobody.invalid: no such host"),
        ("unreachable", "127.0.0.1 port 1 cannot be reached"),
        ("password", "or its password is wrong"),
        ("keyspace", "keyspace nobody_"),
        ("datacenter", "there is no datacenter mars; there is datacenter1"),
    ],
)
async def test_what_is_wrong_with_the_cluster_is_logged_in_one_line_and_nothing_is_served(
    tmp_path: Path, service: str, trouble: Trouble, reason: str
) -> None:
    url = store_url(service)
    broken = {
        "name": written(url, host="nobody.invalid"),
        "unreachable": written(url, port=1),
        "password": written(url, password=SECRET),
        "keyspace": written(url, prefix="nobody"),
        "datacenter": written(url, datacenter="mars"),
    }[trouble]
    async with started(tmp_path, service, broken) as running:
        await wait_until(lambda: bool(running.logged("the store cannot be used")), at_most=30)
        await running.becomes(NOT_SERVING)

        async def says_why() -> bool:
            return reason in failure(await running.refusal()).message

        await wait_until(says_why, at_most=30)
        refusal = await running.refusal()
        assert refusal.code() is grpc.StatusCode.UNAVAILABLE
        assert failure(refusal).retry_after == timedelta(seconds=1)
        # It tries again and again, and says so once.
        (told,) = running.logged("the store cannot be used")
        assert reason in told["reason"]
        running.process.terminate()
        assert await running.ends() == 0
    assert "Traceback" not in running.text
    for password in (url.password, SECRET):
        assert password not in running.text


@pytest.mark.parametrize("service", SERVICES)
async def test_a_service_waits_for_its_cluster_and_serves_by_itself_once_it_is_there(
    tmp_path: Path, service: str
) -> None:
    url, port = store_url(service), free_row(1)
    async with open_keyspace(service), started(tmp_path, service, written(url, port=port)) as running:
        await running.becomes(NOT_SERVING)
        assert (await running.refusal()).code() is grpc.StatusCode.UNAVAILABLE
        async with relay(port, url.port) as way:
            await running.becomes(SERVING)
            assert (await running.refusal()).code() is grpc.StatusCode.NOT_FOUND
            # A cluster that goes away later is waited for in the same way.
            way.clear()
            await running.becomes(NOT_SERVING)
            refusal = await running.refusal()
            assert refusal.code() is grpc.StatusCode.UNAVAILABLE
            assert failure(refusal).retry_after == timedelta(seconds=1)
            way.set()
            await running.becomes(SERVING)
            assert (await running.refusal()).code() is grpc.StatusCode.NOT_FOUND
        running.process.terminate()
        assert await running.ends() == 0
    assert "Traceback" not in running.text
    assert url.password not in running.text


@pytest.mark.parametrize("service", SERVICES)
async def test_a_keyspace_of_a_later_version_ends_it_with_2(tmp_path: Path, service: str) -> None:
    url = store_url(service)
    async with open_keyspace(service) as cassandra:
        later = f"INSERT INTO schema_migrations (component, version, name) VALUES ('{service}', 99, 'later')"
        await cassandra.run(Statement("later", later))
        try:
            async with started(tmp_path, service, written(url)) as running:
                assert await running.ends() == 2
        finally:
            sooner = f"DELETE FROM schema_migrations WHERE component = '{service}' AND version = 99"
            await cassandra.run(Statement("sooner", sooner))
    assert f"schema 99 of {service} is newer than this program's" in running.text
    assert "Traceback" not in running.text
    assert url.password not in running.text


@pytest.mark.parametrize(
    ("store", "mistake"),
    [
        (f"cassandra://ann:{SECRET}@/aviary?dc=datacenter1", "names no host"),
        (f"cassandra://ann:{SECRET}@one:x/aviary?dc=datacenter1", "has a port that is no number"),
        (f"cassandra://ann:{SECRET}@one/aviary", "lacks ?dc="),
        (f"cassandra://ann:{SECRET}@one/?dc=datacenter1", "needs /prefix of keyspaces"),
        (f"cassandra://ann:{SECRET}@one/aviary?dc=a&colour={SECRET}", "has an option other than"),
        (f"cassandra://:{SECRET}@one/aviary?dc=datacenter1", "lacks user:password@"),
        (f"cassandra://ann:{SECRET}/9@one/aviary?dc=datacenter1", "cassandra://user:password@host"),
        (f"cassandra://ann:[{SECRET}@one/aviary?dc=datacenter1", "cassandra://user:password@host"),
        (f"cassandra:/ann:{SECRET}@one/aviary?dc=datacenter1", "cassandra://user:password@host"),
        (f"casandra://ann:{SECRET}@one/aviary?dc=datacenter1", "is no store URL"),
        (f"cassandra://ann:{SECRET}@one/aviary?dc=a&tls=true&ca_file=/nowhere/ca.pem", "/nowhere/ca.pem"),
    ],
)
async def test_mistakes_in_the_settings_are_all_told_and_no_password_is(
    tmp_path: Path, store: str, mistake: str
) -> None:
    async with started(tmp_path, "tweet", store, AVIARY_LISTEN="here", AVIARY_LOG_LEVEL="loud") as running:
        assert await running.ends() == 2
    for name in ("AVIARY_STORE_URL", "AVIARY_LISTEN", "AVIARY_LOG_LEVEL"):
        assert running.text.count(f"{name}=") + running.text.count(f"{name}:") == 1, running.text
    assert mistake in running.text
    assert "Traceback" not in running.text
    assert SECRET not in running.text
