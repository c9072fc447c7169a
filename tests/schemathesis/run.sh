#!/usr/bin/env bash
# Schemathesis against the running server: every operation of the API document that the server gives of itself, with
# every check. What it generates and what is excepted is in schemathesis.toml. It needs python3 with venv, nothing
# else; a second run finds the tool where the first one put it.
set -euo pipefail
cd "$(dirname "$0")/../.."

here=$PWD/tests/schemathesis
target=${CARGO_TARGET_DIR:-target}
mkdir -p "$target/schemathesis"
cache=$(cd "$target/schemathesis" && pwd)
tool=$cache/venv/bin/schemathesis
work=$(mktemp -d)
server=""

finish() {
  local code=$?
  if [ -n "$server" ]; then
    kill "$server" 2>/dev/null || true
    wait "$server" 2>/dev/null || true
  fi
  rm -rf "$work"
  exit "$code"
}
trap finish EXIT

fail() {
  echo "schemathesis: $*" >&2
  exit 1
}

install() {
  if cmp -s "$here/requirements.txt" "$cache/installed.txt" && "$tool" --version >/dev/null 2>&1; then return; fi
  echo "schemathesis: installing $(grep '^schemathesis==' "$here/requirements.txt")"
  rm -rf "$cache/venv"
  python3 -m venv "$cache/venv"
  "$cache/venv/bin/pip" install --quiet --disable-pip-version-check --requirement "$here/requirements.txt"
  cp "$here/requirements.txt" "$cache/installed.txt"
}

# A server of its own, on a free port and in a folder that goes with it.
start() {
  local name
  for name in $(compgen -e | grep '^APPENGINE' || true); do unset "$name"; done
  export APPENGINE__STORE__PATH=$work/data APPENGINE__SERVER__LISTEN=127.0.0.1:0
  export APPENGINE__LIMITS__REQUESTS_PER_MINUTE=100000000 APPENGINE__LIMITS__SIGN_INS_PER_MINUTE=1000000
  # Flows are made by the hundred here. They may fire, but not set each other off, nor go round in circles for long.
  # Hundreds of them, every second, would each start hundreds of flows.
  export APPENGINE__SCHEDULES__ENABLED=false
  # Nobody adds the job that a claim would wait for.
  export APPENGINE__QUEUES__CLAIM_WAIT=0s
  export APPENGINE__FLOWS__MAX_DEPTH=1 APPENGINE__FLOWS__MAX_STEPS=20 APPENGINE__FLOWS__EXECUTE_WAIT=1s APPENGINE__SERVER__SHUTDOWN_GRACE=5s
  # What is asked is whether answers are right, not whether a disk keeps them.
  export APPENGINE__STORE__DURABILITY=none
  exec 3< <(exec "$binary" serve 2>"$work/log")
  server=$!
  local line
  base=""
  while [ -z "$base" ] && read -r -t 60 line <&3; do
    case $line in "appengine serves at "*) base=${line#appengine serves at } ;; esac
  done
  [ -n "$base" ] || { cat "$work/log" >&2; fail "the server did not start"; }
}

token() {
  "$binary" token --org my-org --email "$1@example.com" --role "$2" --expires 1d | tail -n 1
}

began=$SECONDS
cargo build --locked --quiet --bin appengine
binary=$(cd "$target" && pwd)/debug/appengine
install
start
OWNER=$(token ada Owner) CONTENT_ADMIN=$(token grace ContentAdmin) LEAVING=$(token linus User)
export OWNER CONTENT_ADMIN LEAVING

code=0
(cd "$work" && "$tool" --config-file "$here/schemathesis.toml" run "$base/openapi.json") | tee "$work/told" || code=$?
if grep -a 'panicked at\| ERROR ' "$work/log" >&2; then fail "the server panicked, or says that it failed"; fi
kill -0 "$server" 2>/dev/null || fail "the server is gone"
[ "$code" -eq 0 ] || fail "something is wrong with the server or its document, see above"
