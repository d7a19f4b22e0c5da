#!/usr/bin/env bash
# Run all tests; arguments choose some: scripts/test.sh -k refresh
set -euo pipefail
cd "$(dirname "$0")/.."
exec make test ARGS="$*"
