"""`python -m tools.openapi DESCRIPTORS OUTPUT`: the document of a descriptor set; exit code 2 when there is none."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from google.protobuf.descriptor_pb2 import FileDescriptorSet

from edge_proxy.descriptor_set import BrokenDescriptors, read_descriptor_set
from tools.openapi.comments import comments_of
from tools.openapi.document import Untellable, document, written


def main() -> int:
    """Write the document; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.openapi", description="OpenAPI 3.1 from a descriptor set.")
    parser.add_argument("descriptors", type=Path, help="a FileDescriptorSet with imports, as buf build writes it")
    parser.add_argument("output", type=Path, help="the JSON file to write")
    parser.add_argument("--title", default="HTTP API", help="the name of the API, default %(default)s")
    parser.add_argument("--api-version", default="v1", help="its version, default %(default)s")
    given = parser.parse_args()
    try:
        contracts = read_descriptor_set(given.descriptors)
        comments = comments_of(FileDescriptorSet.FromString(given.descriptors.read_bytes()))
        made = document(contracts, comments, title=given.title, version=given.api_version)
    except BrokenDescriptors as broken:
        for mistake in broken.mistakes:
            print(f"tools.openapi: {mistake}", file=sys.stderr)
        return 2
    except Untellable as untellable:
        print(f"tools.openapi: {untellable}", file=sys.stderr)
        return 2
    given.output.write_text(written(made))
    return 0


if __name__ == "__main__":
    sys.exit(main())
