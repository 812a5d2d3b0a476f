#!/bin/sh
# The contracts against those that somebody may rely on (public: FILE, internal: WIRE, see buf.yaml): on a branch those of
# main, on main itself those of the last release, else of the commit before.
set -eu
cd "$(dirname "$0")/.."

if ! git rev-parse --quiet --verify HEAD >/dev/null 2>&1; then
    echo "buf breaking: not compared, this is no clone with history"
    exit 0
fi
for name in main origin/main; do
    if git rev-parse --quiet --verify "$name" >/dev/null && ! git merge-base --is-ancestor HEAD "$name"; then
        against=$(git merge-base HEAD "$name")
        called="$name"
        break
    fi
done
if [ -z "${against:-}" ]; then
    if called=$(git describe --tags --abbrev=0 HEAD^ 2>/dev/null); then
        against=$(git rev-parse "$called^{commit}")
    elif against=$(git rev-parse --quiet --verify HEAD^); then
        called="the commit before"
    else
        echo "buf breaking: not compared, this clone has one commit only; fetch more with git fetch --unshallow"
        exit 0
    fi
fi
echo "buf breaking: compared with $called ($(git rev-parse --short "$against"))"
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
git archive "$against" buf.yaml protos third_party | tar -x -C "$folder"
buf breaking --against "$folder"
