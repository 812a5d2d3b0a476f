"""MeshAdminService: the outbox and the dead letters of one service, for operators."""

from __future__ import annotations

from google.protobuf.message import DecodeError

from aviary.events.v1 import events_pb2
from aviary.mesh.internal.v1 import mesh_admin_service_pb2 as pb
from aviary.mesh.internal.v1 import mesh_admin_service_pb2_grpc as pb_grpc
from mesh.caller import current_caller
from mesh.clock import Clock
from mesh.events.interface import Outbox, OutboxRow
from mesh.events.outbox import OutboxWorker
from mesh.events.routes import ROUTES
from mesh.paging import Paging, page_size

DEFAULT_PAGE = 100
LARGEST_PAGE = 1_000
# Dead letters carry whole events: a page ends early where it would come near what one answer may have, 1 MiB.
MOST_PAGE_BYTES = 900_000


class MeshAdmin(pb_grpc.MeshAdminServiceServicer):
    """Reads the outbox as it is stored; `worker` adds what the relay of this process knows, if it has one."""

    def __init__(
        self, outbox: Outbox, worker: OutboxWorker | None, paging: Paging, clock: Clock, *, service: str
    ) -> None:
        """`service` is whose outbox it is: services share the key of page tokens, and no list."""
        self._outbox = outbox
        self._worker = worker
        self._paging = paging
        self._clock = clock
        self._service = service

    async def ListOutbox(self, request: pb.ListOutboxRequest, _context: object) -> pb.ListOutboxResponse:
        size = page_size(request.page_size, default=DEFAULT_PAGE, most=LARGEST_PAGE)
        bound: tuple[object, ...] = (self._service, "ListOutbox")
        after = self._paging.decode(request.page_token, arguments=bound, caller_id=current_caller().user_id)
        rows = await self._outbox.pending(after=after, limit=size + 1)
        return pb.ListOutboxResponse(
            entries=[self._entry(row) for row in rows[:size]], next_page_token=self._next_token(rows, size, bound)
        )

    async def ListDeadLetters(self, request: pb.ListDeadLettersRequest, _context: object) -> pb.ListDeadLettersResponse:
        size = page_size(request.page_size, default=DEFAULT_PAGE, most=LARGEST_PAGE)
        bound = (self._service, "ListDeadLetters", request.consumer_group)
        after = self._paging.decode(request.page_token, arguments=bound, caller_id=current_caller().user_id)
        rows = await self._outbox.dead(after=after, limit=size + 1, group=request.consumer_group)
        letters: list[pb.DeadLetter] = []
        room = MOST_PAGE_BYTES
        for letter in map(self._dead_letter, rows[:size]):
            room -= letter.ByteSize()
            if letters and room < 0:
                break
            letters.append(letter)
        return pb.ListDeadLettersResponse(
            dead_letters=letters, next_page_token=self._next_token(rows, len(letters), bound)
        )

    async def GetOutboxAge(self, _request: pb.GetOutboxAgeRequest, _context: object) -> pb.GetOutboxAgeResponse:
        answer = pb.GetOutboxAgeResponse()
        for oldest in await self._outbox.pending(after=0, limit=1):
            answer.oldest_age.FromMicroseconds(max(0, self._clock.now_us() - oldest.created_us))
        return answer

    async def ReplayDeadLetters(
        self, request: pb.ReplayDeadLettersRequest, _context: object
    ) -> pb.ReplayDeadLettersResponse:
        replayed = await self._outbox.revive(list(request.event_ids))
        missing = [event_id for event_id in request.event_ids if event_id not in set(replayed)]
        return pb.ReplayDeadLettersResponse(replayed_event_ids=replayed, missing_event_ids=missing)

    def _next_token(self, rows: list[OutboxRow], given: int, bound: tuple[object, ...]) -> str:
        position = rows[given - 1].sequence if len(rows) > given else 0
        return self._paging.encode(position, arguments=bound, caller_id=current_caller().user_id)

    def _entry(self, row: OutboxRow) -> pb.OutboxEntry:
        entry = pb.OutboxEntry(event_id=row.event.event_id, subject=row.event.subject)
        entry.create_time.FromMicroseconds(row.created_us)
        if row.dead_group:
            return entry
        progress = self._worker.progress(row.event.event_id) if self._worker else None
        if progress is None:
            event = _event_of(row)
            kind = event.WhichOneof("payload") if event else None
            entry.waiting_groups.extend(sorted(ROUTES[kind].required_groups) if kind else ())
            return entry
        entry.attempts_count = progress.published_count
        entry.waiting_groups.extend(sorted(progress.missing_groups))
        entry.next_attempt_time.FromMicroseconds(
            self._clock.now_us() + int(progress.next_attempt_in.total_seconds() * 1e6)
        )
        return entry

    def _dead_letter(self, row: OutboxRow) -> pb.DeadLetter:
        letter = pb.DeadLetter(
            entry=self._entry(row), consumer_group=row.dead_group, reason=row.dead_reason, event=_event_of(row)
        )
        letter.dead_time.FromMicroseconds(row.dead_us)
        return letter


def _event_of(row: OutboxRow) -> events_pb2.Event | None:
    try:
        return events_pb2.Event.FromString(row.event.payload)
    except DecodeError:
        return None
