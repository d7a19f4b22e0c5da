#!/usr/bin/env bash
# Ask for a sign-in letter: scripts/request_magic.sh ann@example.com
set -euo pipefail
if [ $# -ne 1 ]; then echo "usage: $0 EMAIL" >&2; exit 2; fi
trap echo EXIT  # answers have no line break of their own

# python3 writes the JSON, so that no address can break out of its quotes.
python3 -c 'import json, sys; print(json.dumps({"email": sys.argv[1]}))' "$1" |
  curl --silent --show-error --fail-with-body --json @- "${SERVER_URL:-http://localhost:3000}/request/magic"
