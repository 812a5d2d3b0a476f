#!/bin/sh
# Generated code, both descriptor sets and the OpenAPI document, from protos/ and nothing else. Needs .venv on PATH.
set -eu
cd "$(dirname "$0")/.."
buf generate
# The public module with its comments drives the edge; both modules with their comments answer reflection.
buf build protos/public --as-file-descriptor-set -o generated/descriptors.binpb
buf build --as-file-descriptor-set -o generated/reflection.binpb
# The HTTP half of the public module, for people and their tools.
python -m tools.openapi generated/descriptors.binpb generated/openapi.json --title Aviary
