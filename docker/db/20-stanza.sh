#!/bin/sh
# The place for this cluster's backups, so that its log is kept from the first file on. It is there already where a
# cluster was restored; what is of another cluster is refused, and said by the backup container later.
synergy-pgbackrest stanza-create --no-online || echo "db: pgBackRest has no place for this cluster yet" >&2
