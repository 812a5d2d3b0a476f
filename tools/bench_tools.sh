#!/bin/sh
# wrk and redis-benchmark for `make bench`: those on PATH, else Debian's packages unpacked into .tools, without root.
set -eu
cd "$(dirname "$0")/.."
if command -v wrk >/dev/null && command -v redis-benchmark >/dev/null; then exit 0; fi
if [ -x .tools/debian/usr/bin/wrk ] && [ -x .tools/debian/usr/bin/redis-benchmark ]; then exit 0; fi
packages="wrk libluajit-5.1-2 libluajit-5.1-common redis-tools liblzf1 libjemalloc2 libatomic1"
mkdir -p .tools/debian/archives
cd .tools/debian/archives
# shellcheck disable=SC2086 # a list of package names
apt-get download $packages 2>/dev/null || { apt-get update -qq && apt-get download $packages; } || {
    echo "bench: wrk and redis-benchmark are neither on PATH nor to be had from apt; install them and try again" >&2
    exit 2
}
for package in *.deb; do dpkg-deb -x "$package" ..; done
