#!/bin/bash
# The backup container, first part: it holds the archived WAL for SYNERGY_WAL_DAYS days and says when archiving stops.
# Base backups, dumps and their verification are not here yet.
set -euo pipefail
days=${SYNERGY_WAL_DAYS:-7}
say() { printf '{"@timestamp":"%s","log.level":"%s","message":"%s","service.name":"synergy-backup","synergy.files":%s}\n' \
  "$(date -u +%FT%T.000Z)" "$1" "$2" "$3"; }
trap 'exit 0' TERM INT
while :; do
  removed=$(find /wal-archive -name '*.gz' -mtime "+$days" -print -delete | wc -l)
  [[ $removed == 0 ]] || say info backup.wal_removed "$removed"
  sleep 3600 & wait $!
done
