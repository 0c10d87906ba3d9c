#!/bin/sh
# The role of a container: api, worker, scheduler or migrate; any other words are a command of `synergy`.
set -eu
case "${1:-api}" in
  api) exec python -m synergy_api ;;
  worker | scheduler) exec python -m synergy_worker "$1" ;;
  cli) shift; exec synergy "$@" ;;
  python | sh) exec "$@" ;;
  *) exec synergy "$@" ;;
esac
