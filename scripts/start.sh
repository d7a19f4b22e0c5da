#!/usr/bin/env bash
# Start the server of this checkout.
set -euo pipefail
cd "$(dirname "$0")/.."
exec make run
