#!/bin/sh
# archive_command: keep one WAL file, compressed; a second call for the same file succeeds only with the same content.
# $1 is its path, $2 its name.
set -eu
target=/wal-archive/$2.gz
if [ -e "$target" ]; then
  gzip -dc "$target" | cmp -s - "$1" && exit 0
  echo "archive-wal: $target is there already, with another content" >&2
  exit 1
fi
gzip -c "$1" >"$target.part"
sync "$target.part"
mv "$target.part" "$target"
sync /wal-archive
