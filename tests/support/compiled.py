"""Contracts written for a test, compiled as a user of the edge does it: by protoc, with their imports."""

from __future__ import annotations

import tempfile
from importlib.resources import files
from pathlib import Path

from google.protobuf.descriptor_pb2 import FileDescriptorSet
from grpc_tools import protoc  # type: ignore[import-untyped]  # ships no types

ROOT = Path(__file__).resolve().parents[2]


def compile_protos(folder: Path, *names: str) -> FileDescriptorSet:
    """The descriptor set of proto files in `folder`; they may import google and our own options."""
    with tempfile.TemporaryDirectory() as scratch:
        output = Path(scratch) / "set.binpb"
        arguments = [
            "protoc",
            f"-I{folder}",
            f"-I{ROOT / 'third_party' / 'googleapis'}",
            f"-I{ROOT / 'protos' / 'public'}",
            f"-I{files('grpc_tools') / '_proto'}",
            "--include_imports",
            f"--descriptor_set_out={output}",
            *names,
        ]
        assert protoc.main(arguments) == 0
        return FileDescriptorSet.FromString(output.read_bytes())
