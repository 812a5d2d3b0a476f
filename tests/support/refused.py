"""Calls that must fail."""

from __future__ import annotations

from collections.abc import Awaitable

import grpc
import pytest

from mesh.errors import MeshError
from tests.support.running import failure


async def refused(call: Awaitable[object], code: grpc.StatusCode) -> MeshError:
    """The failure that the call must end with: reason, message, violations and metadata as the client gets them."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    assert caught.value.code() is code
    return failure(caught.value)
