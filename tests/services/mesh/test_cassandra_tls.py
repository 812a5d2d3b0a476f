"""A real node that wants TLS: who proves to be it is used, and of anybody else it is said in one line why not."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import grpc
import pytest

from mesh.errors import Unavailable
from mesh.storage.cassandra import Statement, open_cassandra
from mesh.storage.cassandra_session import CannotConnect, connect
from mesh.storage.url import CassandraUrl, parse_store_url
from tests.support.cassandra import TRIAL
from tests.support.cassandra import store_url as shared_store_url
from tests.support.cassandra_nodes import CassandraParts, start_cassandra
from tests.support.certificates import write_certificates
from tests.support.relay import relay
from tests.support.running import failure
from tests.support.service_process import NOT_SERVING, SERVING, started
from tests.support.wait_until import wait_until

NUMBERS = "CREATE TABLE IF NOT EXISTS numbers (number bigint PRIMARY KEY, text text);"
INSERT = Statement("numbers.insert", "INSERT INTO numbers (number, text) VALUES (?, ?)")
GET = Statement("numbers.get", "SELECT text FROM numbers WHERE number = ?")
CANNOT = "the store cannot be used"


@pytest.fixture(scope="module")
def urls(cassandra_parts: CassandraParts, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Store URLs of a node that speaks to nobody without TLS, by service."""
    services = (TRIAL, "tweet")
    with start_cassandra(tmp_path_factory.mktemp("tls"), cassandra_parts, services=services, has_tls=True) as server:
        yield {service: server.cluster.store_url(service) for service in services}


@pytest.fixture
def url(urls: dict[str, str]) -> CassandraUrl:
    parsed = parse_store_url(urls[TRIAL])
    assert isinstance(parsed, CassandraUrl)
    assert parsed.has_tls
    return parsed


@pytest.fixture
def schema(tmp_path: Path) -> Path:
    folder = tmp_path / "schema"
    folder.mkdir()
    (folder / "0001_numbers.cql").write_text(NUMBERS)
    return folder


@pytest.fixture
def stranger(tmp_path: Path) -> Path:
    """The certificate of an authority that has signed none of the nodes."""
    write_certificates(tmp_path / "stranger", [], password="")
    return tmp_path / "stranger" / "ca.pem"


async def test_rows_are_written_and_read_over_tls(url: CassandraUrl, schema: Path) -> None:
    # More than a record of TLS holds, which is 16 KiB.
    text = "long " * 20_000
    async with open_cassandra(url, component=TRIAL, schema=schema) as cassandra:

        async def answers() -> bool:
            try:
                await cassandra.ping()
            except Unavailable:
                return False
            return True

        await wait_until(answers, at_most=30)
        await asyncio.gather(*(cassandra.run(INSERT, number, text) for number in range(40)))
        rows = await asyncio.gather(*(cassandra.run(GET, number) for number in range(40)))
    assert rows == [[(text,)]] * 40


async def test_each_node_is_asked_for_its_own_address_and_not_for_the_first(url: CassandraUrl, schema: Path) -> None:
    away = "127.0.0.9"
    session = await asyncio.to_thread(connect, replace(url, hosts=(away, *url.hosts)), component=TRIAL, schema=schema)
    try:
        asked = {host.address for host in session.get_pool_state()}
    finally:
        await asyncio.to_thread(session.cluster.shutdown)
    assert asked == set(url.hosts)


async def refusal(url: CassandraUrl, schema: Path) -> str:
    with pytest.raises(CannotConnect) as raised:
        await asyncio.to_thread(connect, url, component=TRIAL, schema=schema)
    return str(raised.value)


async def test_a_certificate_of_another_address_is_refused(url: CassandraUrl, schema: Path) -> None:
    other = "127.0.0.2"
    async with relay(url.port, url.port, host=other):
        told = await refusal(replace(url, hosts=(other,)), schema)
    assert told.endswith(f"the certificate is refused: IP address mismatch, certificate is not valid for '{other}'")


async def test_a_node_without_tls_is_not_used_with_it(schema: Path) -> None:
    told = await refusal(replace(shared_store_url(TRIAL), has_tls=True), schema)
    assert "no TLS that both speak: wrong version number" in told


async def test_a_ca_file_that_went_away_is_told(url: CassandraUrl, schema: Path, tmp_path: Path) -> None:
    told = await refusal(replace(url, ca_file=tmp_path / "gone.pem"), schema)
    assert told == f"{tmp_path / 'gone.pem'} holds no certificate: No such file or directory"


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ("", "if the nodes want TLS, add tls=true"),
        ("&tls=true", "the certificate is refused: self-signed certificate in certificate chain"),
    ],
)
async def test_a_service_without_what_tls_takes_says_so_once_and_serves_nothing(
    urls: dict[str, str], tmp_path: Path, options: str, reason: str
) -> None:
    store, _, _ = urls["tweet"].partition("&tls=")
    async with started(tmp_path, "tweet", store + options) as running:
        await wait_until(lambda: bool(running.logged(CANNOT)), at_most=30)
        await running.becomes(NOT_SERVING)
        refused = await running.refusal()
        assert refused.code() is grpc.StatusCode.UNAVAILABLE
        assert reason in failure(refused).message
        (told,) = running.logged(CANNOT)
        assert told["reason"].endswith(reason)
        running.process.terminate()
        assert await running.ends() == 0
    assert "Traceback" not in running.text


async def test_a_service_with_the_wrong_authority_serves_once_the_file_has_the_right_one(
    urls: dict[str, str], stranger: Path, tmp_path: Path
) -> None:
    store, _, right = urls["tweet"].partition("&ca_file=")
    async with started(tmp_path, "tweet", f"{store}&ca_file={stranger}") as running:
        await wait_until(lambda: bool(running.logged(CANNOT)), at_most=30)
        await running.becomes(NOT_SERVING)
        (told,) = running.logged(CANNOT)
        assert "the certificate is refused: self-signed certificate" in told["reason"]
        await asyncio.to_thread(shutil.copy, right, stranger)
        await running.becomes(SERVING)
        assert (await running.refusal()).code() is grpc.StatusCode.NOT_FOUND
        running.process.terminate()
        assert await running.ends() == 0
    assert len(running.logged(CANNOT)) == 1
    assert "Traceback" not in running.text
