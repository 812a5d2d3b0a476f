"""A protoc plugin that writes *_pb2_grpc.py and its .pyi, for files that declare services only.

grpcio-tools carries the Python gRPC generator inside its own protoc and not as a plugin that buf could start.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from google.protobuf import descriptor_pb2
from google.protobuf.compiler import plugin_pb2


def generate(request: plugin_pb2.CodeGeneratorRequest) -> plugin_pb2.CodeGeneratorResponse:
    """Run grpcio-tools' protoc and mypy-protobuf's generator on the descriptors of the request."""
    response = plugin_pb2.CodeGeneratorResponse(
        supported_features=plugin_pb2.CodeGeneratorResponse.FEATURE_PROTO3_OPTIONAL
    )
    asked_for = set(request.file_to_generate)
    with_services = [file.name for file in request.proto_file if file.service and file.name in asked_for]
    if not with_services:
        return response
    with tempfile.TemporaryDirectory() as folder:
        descriptors = Path(folder) / "descriptors.binpb"
        descriptors.write_bytes(descriptor_pb2.FileDescriptorSet(file=request.proto_file).SerializeToString())
        out = Path(folder) / "out"
        out.mkdir()
        command = [sys.executable, "-m", "grpc_tools.protoc", f"--descriptor_set_in={descriptors}"]
        flags = [f"--grpc_python_out={out}", f"--mypy_grpc_out=quiet:{out}"]
        subprocess.run([*command, *flags, *with_services], check=True, stdout=sys.stderr)  # noqa: S603 - our own arguments
        for path in sorted(path for path in out.rglob("*") if path.is_file()):
            response.file.add(name=str(path.relative_to(out)), content=path.read_text())
    return response


if __name__ == "__main__":
    incoming = plugin_pb2.CodeGeneratorRequest.FromString(sys.stdin.buffer.read())
    sys.stdout.buffer.write(generate(incoming).SerializeToString())
