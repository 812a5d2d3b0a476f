"""The life of one process of a service.

    settings         broken ones end it with exit 2, all mistakes at once
    open             the service opens its store, its connections, its workers
    work             its loops run; one that ends by itself ends the process with exit 1, to be started again
    serve            the port is taken; health says NOT_SERVING
    ready            when `ready` returns, health says SERVING; it is asked again every second. The first time, what
                     is there by then is taken out of the sight of the garbage collector, as it stays
    SIGTERM, SIGINT  health says NOT_SERVING, new calls go elsewhere, those in progress get 10 s; the loops are
                     cancelled; what was opened is closed in reverse; exit 0

A drain that hangs is ended after 14 s with exit 1, also that after a crash; a second signal ends it at once.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import NoReturn, TypeVar

from mesh import logs
from mesh.background import background
from mesh.clock import Clock, SystemClock
from mesh.command_line import Role, read_arguments
from mesh.config import HasMesh
from mesh.env import SettingsError, load
from mesh.errors import MeshError
from mesh.failpoints import arm
from mesh.grpc_server import RunningServer, Served, serve
from mesh.keys import BrokenKeys
from mesh.loop_lag import LoopLag
from mesh.method import BrokenContract
from mesh.metrics import Metrics, exposed
from mesh.stop_signal import StopSignal
from mesh.storage.migrations import NewerSchema
from mesh.storage.sqlite import DamagedDatabase
from mesh.tokens import TokenVerifier

__all__ = ["Served", "Service", "run"]

# What an operator must mend before another start can do better.
HOPELESS = (SettingsError, BrokenKeys, BrokenContract, NewerSchema, DamagedDatabase)
ADMIN = "aviary.mesh.internal.v1.MeshAdminService"
LINGER = timedelta(seconds=0.5)
ASK_READY_EVERY = timedelta(seconds=1)

logger = logging.getLogger(__name__)

Config = TypeVar("Config", bound=HasMesh)


@dataclass(frozen=True, slots=True)
class Service:
    """What `open_service` opened. `work` are loops that run until they are cancelled; `ready` returns when it can
    serve, and raises a MeshError as long as it cannot.
    """

    name: str
    served: Sequence[Served]
    work: Sequence[Callable[[], Awaitable[None]]]
    ready: Callable[[], Awaitable[None]]
    metrics: Metrics = field(default_factory=Metrics)


def run(
    open_service: Callable[[Config], AbstractAsyncContextManager[Service]],
    config_class: type[Config],
    *,
    arguments: Sequence[str] | None = None,
    environ: Mapping[str, str] | None = None,
) -> NoReturn:
    """Live until a signal comes, then exit: 0 drained, 1 crashed, 2 cannot start. `python -m X` ends here."""
    package = open_service.__module__.partition(".")[0]
    role = read_arguments(package, config_class, arguments)
    try:
        config = load(config_class, environ)
        logs.configure(service=package, level=config.mesh.log_level)
        arm(config.mesh.failpoint)
        _run_until_signalled(open_service, config, role)
    except Exception as error:  # the last to see it: it becomes the exit code
        mistakes = _mistakes(error)
        if not mistakes:
            logger.exception("crashed")
            sys.exit(1)
        for line in mistakes:
            sys.stderr.write(f"{package}: {line}\n")
        sys.exit(2)
    sys.exit(0)


@asynccontextmanager
async def living(
    service: Service,
    *,
    role: Role,
    listen: str,
    verifier: TokenVerifier,
    clock: Clock,
    linger: timedelta = timedelta(),
    once_ready: Callable[[], None] = lambda: None,
    once_failing: Callable[[], None] = lambda: None,
) -> AsyncIterator[RunningServer]:
    """The service at work and serving, as far as its role goes, until the block ends. Raises what a loop raised.

    `once_ready` is called when it is ready for the first time, before anybody hears of it; `once_failing` when a loop
    has ended by itself, and all the rest is about to be ended.
    """
    async with asyncio.TaskGroup() as group:
        loops = [group.create_task(_for_ever(work, once_failing)) for work in service.work if role != "serve"]
        served = [each for each in service.served if role != "work" or each.descriptor.full_name == ADMIN]
        serving = serve(served, listen=listen, verifier=verifier, clock=clock, metrics=service.metrics, linger=linger)
        async with serving as server:
            is_ready = await _is_ready(service)
            if is_ready:
                once_ready()
            server.health.tell(is_serving=is_ready)
            asking = group.create_task(_keep_asking(service, server, was_ready=is_ready, once_ready=once_ready))
            yield server
            asking.cancel()
        for loop in loops:
            loop.cancel()


async def _for_ever(work: Callable[[], Awaitable[None]], once_failing: Callable[[], None]) -> None:
    try:
        await work()
    except Exception:
        once_failing()
        raise
    once_failing()
    raise RuntimeError(f"{work} ended by itself")


async def _keep_asking(
    service: Service, server: RunningServer, *, was_ready: bool, once_ready: Callable[[], None]
) -> None:
    was_ever_ready = was_ready
    while True:
        await asyncio.sleep(ASK_READY_EVERY.total_seconds())
        is_ready = await _is_ready(service)
        if is_ready and not was_ever_ready:
            was_ever_ready = True
            once_ready()
        if is_ready != was_ready:
            server.health.tell(is_serving=is_ready)
            was_ready = is_ready


async def _is_ready(service: Service) -> bool:
    try:
        await service.ready()
    except MeshError as error:
        logger.warning("not ready", extra={"fields": {"reason": error.message}})
        return False
    return True


def _run_until_signalled(
    open_service: Callable[[Config], AbstractAsyncContextManager[Service]], config: Config, role: Role
) -> None:
    stop = StopSignal()
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        try:
            runner.run(_live(open_service, config, role, stop))
        except asyncio.CancelledError:
            if not stop.is_asked:
                raise


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """What makes the event loop of a service; none for that of the standard library."""
    try:
        import uvloop  # noqa: PLC0415 - there is no wheel for every platform
    except ImportError:
        return None
    return uvloop.new_event_loop


async def _live(
    open_service: Callable[[Config], AbstractAsyncContextManager[Service]], config: Config, role: Role, stop: StopSignal
) -> None:
    stop.cancel_this_task()
    clock = SystemClock()
    verifier = TokenVerifier(config.mesh.jwks_file, clock)
    async with open_service(config) as service:
        with exposed(service.metrics, config.mesh.metrics_listen):
            async with (
                background(LoopLag(service.metrics.registry).measure(), name="the lag of the event loop"),
                living(
                    service,
                    role=role,
                    listen=config.mesh.listen,
                    verifier=verifier,
                    clock=clock,
                    linger=LINGER,
                    once_ready=_keep_for_good,
                    once_failing=stop.be_done_in_time,
                ) as server,
            ):
                logger.info("started", extra={"fields": {"role": role, "port": server.port}})
                await asyncio.Event().wait()


def _keep_for_good() -> None:
    """Take all objects there are out of every later collection.

    Modules, messages and what a driver knows of its cluster are 80,000 objects that never become garbage. To look
    through them stops the loop for tens of milliseconds, and a driver's short-lived objects bring that on often.
    """
    gc.collect()
    gc.freeze()


def _mistakes(error: BaseException) -> list[str]:
    if isinstance(error, BaseExceptionGroup):
        return [line for each in error.exceptions for line in _mistakes(each)]
    return str(error).splitlines() if isinstance(error, HOPELESS) else []
