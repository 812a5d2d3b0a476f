#!/bin/sh
# What `make check` runs: every check, and at the end the names of those that failed. Needs .venv on PATH.
set -u
cd "$(dirname "$0")/.."
failed=""

check() {
    name="$1"
    shift
    printf '== %s\n' "$name"
    "$@" || failed="$failed$name
"
}

check "ruff format" ruff format --check --quiet
check "ruff check" ruff check --quiet
check "mypy" mypy .
check "import rules" lint-imports
check "buf lint" buf lint
check "buf format" buf format --diff --exit-code protos
check "buf breaking" sh tools/check_breaking.sh
check "generated code" sh tools/check_generated.sh
check "house rules" python -m pytest --quiet tests/architecture tests/contracts

if [ -n "$failed" ]; then
    printf '\nfailed:\n%s' "$failed" >&2
    exit 1
fi
printf '\nall checks passed\n'
