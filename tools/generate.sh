#!/bin/sh
# Generated code and both descriptor sets, from protos/ and nothing else. Needs .venv on PATH.
set -eu
cd "$(dirname "$0")/.."
buf generate
# The public module with its comments drives the edge; both modules with their comments answer reflection.
buf build protos/public --as-file-descriptor-set -o generated/descriptors.binpb
buf build --as-file-descriptor-set -o generated/reflection.binpb
