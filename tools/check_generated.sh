#!/bin/sh
# generated/ is what tools/generate.sh makes of protos/. Compared in a copy: the work tree is left alone.
set -eu
cd "$(dirname "$0")/.."
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cp -R buf.yaml buf.gen.yaml protos third_party tools "$folder"
sh "$folder/tools/generate.sh"
if ! diff -r --brief --exclude=__pycache__ generated "$folder/generated"; then
    echo "generated/ is not what protos/ say: run make generate" >&2
    exit 1
fi
