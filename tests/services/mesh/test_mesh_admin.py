"""Operators read the outbox and the dead letters page by page, and replay what was given up."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import grpc
import pytest

from aviary.mesh.internal.v1 import mesh_admin_service_pb2 as pb
from aviary.mesh.internal.v1.mesh_admin_service_pb2_grpc import MeshAdminServiceStub
from mesh.admin import MeshAdmin
from mesh.clock import SystemClock
from mesh.errors import InvalidArgument
from mesh.events.interface import OutboxEvent
from mesh.events.memory import MemoryBus
from mesh.paging import Paging
from mesh.process import Served, Service
from tests.support import outboxes
from tests.support.outboxes import BACKENDS, StoredOutbox, a_tweet_created, a_user_changed, sqlite_outbox
from tests.support.relays import Group, relay
from tests.support.running import RunningService, failure, issue_service_token, issue_user_token, running
from tests.support.wait_until import wait_until

if TYPE_CHECKING:  # the typed stub is known to type checkers only
    from aviary.mesh.internal.v1.mesh_admin_service_pb2_grpc import MeshAdminServiceAsyncStub


AT_US = 1_780_000_000_000_000


@dataclass
class Admin:
    """The service at work, its outbox and its bus, and an operator's stub."""

    stored: StoredOutbox
    bus: MemoryBus
    service: RunningService
    stub: MeshAdminServiceAsyncStub


async def ready() -> None:
    return


@pytest.fixture(params=BACKENDS)
async def admin(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Admin]:
    bus = MemoryBus()
    async with BACKENDS[request.param](tmp_path, None) as stored, relay(stored.outbox, bus) as worker:
        paging = Paging("a key for page tokens, of the tests only")
        servicer = MeshAdmin(stored.outbox, worker, paging, SystemClock(), service="tweet_svc")
        served = Served(pb.DESCRIPTOR.services_by_name["MeshAdminService"], servicer)
        service = Service(name="tweet_svc", served=[served], work=[], ready=ready)
        async with running(service) as opened:
            stub = MeshAdminServiceStub(opened.channel(issue_service_token("operator", ["mesh:admin"])))
            yield Admin(stored, bus, opened, stub)


async def bury(admin: Admin, event_id: int, *, group: str = "timeline", reason: str = "ValueError: no") -> None:
    await outboxes.bury(admin.stored.outbox, event_id, group=group, reason=reason, at_us=5_000_000)


async def test_the_outbox_is_listed_page_by_page_oldest_first(admin: Admin) -> None:
    await admin.stored.append(*(a_tweet_created(event_id) for event_id in (30, 10, 20)), at_us=AT_US)
    first = await admin.stub.ListOutbox(pb.ListOutboxRequest(page_size=2))
    last = await admin.stub.ListOutbox(pb.ListOutboxRequest(page_size=2, page_token=first.next_page_token))
    assert [entry.event_id for entry in (*first.entries, *last.entries)] == [30, 10, 20]
    assert last.next_page_token == ""
    assert first.entries[0].create_time.ToMicroseconds() == AT_US
    assert first.entries[0].subject.startswith("ev.tweet.created.")


async def test_an_entry_tells_what_the_relay_knows_of_it(admin: Admin) -> None:
    timeline = await Group.join(admin.bus, "timeline")
    await admin.stored.append(a_tweet_created(1))
    await timeline.take()
    await timeline.confirm(1)

    async def waiting_groups() -> list[str]:
        [entry] = (await admin.stub.ListOutbox(pb.ListOutboxRequest())).entries
        assert entry.attempts_count >= 1
        assert entry.next_attempt_time.ToMicroseconds() > SystemClock().now_us() - 60_000_000
        return list(entry.waiting_groups)

    async def is_half_confirmed() -> bool:
        return await waiting_groups() == ["engagement"]

    await wait_until(is_half_confirmed)


async def test_without_a_relay_an_entry_tells_the_groups_of_its_contract(admin: Admin, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    async with sqlite_outbox(tmp_path / "other") as stored:
        await stored.append(a_tweet_created(1), OutboxEvent(2, "ev.tweet.created.00", b"\xff"))
        paging = Paging("a key for page tokens, of the tests only")
        servicer = MeshAdmin(stored.outbox, None, paging, SystemClock(), service="tweet_svc")
        answer = await servicer.ListOutbox(pb.ListOutboxRequest(), object())
    assert [list(entry.waiting_groups) for entry in answer.entries] == [["engagement", "timeline"], []]


async def test_the_age_is_that_of_the_oldest_event_that_waits(admin: Admin) -> None:
    stub = MeshAdminServiceStub(admin.service.channel(issue_service_token("timeline_svc")))
    assert not (await stub.GetOutboxAge(pb.GetOutboxAgeRequest())).HasField("oldest_age")
    now_us = SystemClock().now_us()
    await admin.stored.append(a_tweet_created(1), at_us=now_us - 90_000_000)
    await admin.stored.append(a_tweet_created(2), at_us=now_us - 50_000_000)
    age = (await stub.GetOutboxAge(pb.GetOutboxAgeRequest())).oldest_age
    assert 90 <= age.ToTimedelta().total_seconds() < 110
    await bury(admin, 1)
    age = (await stub.GetOutboxAge(pb.GetOutboxAgeRequest())).oldest_age
    assert 50 <= age.ToTimedelta().total_seconds() < 70


async def test_users_do_not_hear_the_age(admin: Admin) -> None:
    stub = MeshAdminServiceStub(admin.service.channel(issue_user_token(7)))
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stub.GetOutboxAge(pb.GetOutboxAgeRequest())
    assert failure(caught.value).reason == "CALLER_NOT_ALLOWED"


async def test_dead_letters_tell_their_event_group_reason_and_time(admin: Admin) -> None:
    await admin.stored.append(a_tweet_created(1), OutboxEvent(2, "ev.tweet.created.00", b"\xff"))
    await bury(admin, 1)

    async def the_relay_has_read_the_other() -> bool:
        return len((await admin.stub.ListDeadLetters(pb.ListDeadLettersRequest())).dead_letters) == 2

    await wait_until(the_relay_has_read_the_other)
    readable, broken = (await admin.stub.ListDeadLetters(pb.ListDeadLettersRequest())).dead_letters
    assert (readable.entry.event_id, readable.consumer_group, readable.reason) == (1, "timeline", "ValueError: no")
    assert readable.dead_time.ToMicroseconds() == 5_000_000
    assert readable.event.tweet_created.tweet.tweet_id == 1
    assert broken.entry.event_id == 2
    assert not broken.HasField("event")


async def test_dead_letters_are_listed_by_group_and_page(admin: Admin) -> None:
    await admin.stored.append(*(a_tweet_created(event_id) for event_id in range(1, 6)))
    for event_id in (1, 2, 4):
        await bury(admin, event_id)
    await bury(admin, 3, group="engagement")
    request = pb.ListDeadLettersRequest(page_size=2, consumer_group="timeline")
    first = await admin.stub.ListDeadLetters(request)
    request.page_token = first.next_page_token
    last = await admin.stub.ListDeadLetters(request)
    assert [letter.entry.event_id for letter in (*first.dead_letters, *last.dead_letters)] == [1, 2, 4]
    assert last.next_page_token == ""


# Cassandra takes no batch over 50 KiB, so that its events are smaller than these.
@pytest.mark.parametrize("admin", ["sqlite"], indirect=True)
async def test_a_page_of_large_dead_letters_ends_before_it_is_too_large_to_be_answered(admin: Admin) -> None:
    sizes = {event_id: 950_000 if event_id in (1, 20) else 30_000 for event_id in range(1, 61)}
    await admin.stored.append(*(a_tweet_created(event_id, content="x" * size) for event_id, size in sizes.items()))
    for event_id in sizes:
        await bury(admin, event_id)
    request = pb.ListDeadLettersRequest(page_size=1000)
    pages: list[list[int]] = []
    while request.page_token or not pages:
        answer = await admin.stub.ListDeadLetters(request)
        pages.append([letter.entry.event_id for letter in answer.dead_letters])
        request.page_token = answer.next_page_token
    assert pages == [[1], [*range(2, 20)], [20], [*range(21, 50)], [*range(50, 61)]]


async def test_a_replayed_dead_letter_is_published_again_and_goes_when_it_is_confirmed(admin: Admin) -> None:
    groups = [await Group.join(admin.bus, name) for name in ("timeline", "engagement")]
    await admin.stored.append(a_tweet_created(1))
    for group in groups:
        await group.take()
    await groups[0].refuse(1, "no")

    async def dead_letters() -> int:
        return len((await admin.stub.ListDeadLetters(pb.ListDeadLettersRequest())).dead_letters)

    await wait_until(dead_letters)
    answer = await admin.stub.ReplayDeadLetters(pb.ReplayDeadLettersRequest(event_ids=[1, 99]))
    assert (list(answer.replayed_event_ids), list(answer.missing_event_ids)) == ([1], [99])
    again = await admin.stub.ReplayDeadLetters(pb.ReplayDeadLettersRequest(event_ids=[1]))
    assert (list(again.replayed_event_ids), list(again.missing_event_ids)) == ([], [1])
    for group in groups:
        await group.take()
        await group.confirm(1)

    async def is_gone() -> bool:
        return not (await admin.stub.ListOutbox(pb.ListOutboxRequest())).entries

    await wait_until(is_gone)
    assert await dead_letters() == 0


async def test_a_token_of_another_list_is_refused(admin: Admin) -> None:
    await admin.stored.append(*(a_tweet_created(event_id) for event_id in (1, 2)))
    token = (await admin.stub.ListOutbox(pb.ListOutboxRequest(page_size=1))).next_page_token
    for request in (
        pb.ListDeadLettersRequest(page_token=token),
        pb.ListDeadLettersRequest(page_token="nonsense"),
    ):
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await admin.stub.ListDeadLetters(request)
        assert failure(refused.value).reason == "PAGE_TOKEN_INVALID"


@pytest.mark.parametrize("name", ["ListOutbox", "ListDeadLetters"])
async def test_a_token_of_another_service_is_refused(tmp_path: Path, name: str) -> None:
    paging = Paging("a key for page tokens, of the tests only")
    async with sqlite_outbox(tmp_path) as stored:
        await stored.append(*(a_tweet_created(event_id) for event_id in range(1, 5)))
        for event_id in (1, 2):
            await outboxes.bury(stored.outbox, event_id)
        one, other = (
            getattr(MeshAdmin(stored.outbox, None, paging, SystemClock(), service=service), name)
            for service in ("tweet_svc", "graph_svc")
        )
        request_class = getattr(pb, f"{name}Request")
        token = (await one(request_class(page_size=1), object())).next_page_token
        await one(request_class(page_token=token), object())
        with pytest.raises(InvalidArgument) as refused:
            await other(request_class(page_token=token), object())
    assert refused.value.reason == "PAGE_TOKEN_INVALID"


async def test_what_is_asked_for_wrongly_is_named(admin: Admin) -> None:
    for request, field in (
        (pb.ReplayDeadLettersRequest(), "eventIds"),
        (pb.ReplayDeadLettersRequest(event_ids=[0]), "eventIds[0]"),
    ):
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await admin.stub.ReplayDeadLetters(request)
        assert [violation.field for violation in failure(refused.value).violations] == [field]


@pytest.mark.parametrize(
    ("issue", "code"),
    [
        (str, grpc.StatusCode.UNAUTHENTICATED),
        (lambda: issue_user_token(1, ["mesh:admin"]), grpc.StatusCode.PERMISSION_DENIED),
        (lambda: issue_service_token("timeline_svc"), grpc.StatusCode.PERMISSION_DENIED),
    ],
    ids=["nobody", "a user", "a service without the scope"],
)
async def test_only_operators_may_look(admin: Admin, issue: Callable[[], str], code: grpc.StatusCode) -> None:
    await admin.stored.append(a_user_changed(1))
    stub = MeshAdminServiceStub(admin.service.channel(issue()))
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await stub.ListOutbox(pb.ListOutboxRequest())
    assert refused.value.code() == code
