"""The contract with every kind of field, compiled once."""

from __future__ import annotations

from pathlib import Path

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool

from tests.support.compiled import compile_protos


@pytest.fixture(scope="session")
def kinds() -> FileDescriptorSet:
    return compile_protos(Path(__file__).parent, "kinds.proto", "legacy.proto")


@pytest.fixture(scope="session")
def kinds_pool(kinds: FileDescriptorSet) -> DescriptorPool:
    pool = DescriptorPool()
    for file in kinds.file:
        pool.Add(file)
    return pool
