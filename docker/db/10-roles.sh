#!/bin/bash
# The roles of the database, once, when it is made. Passwords come from one file: `name=password`, a line each.
#   owner     owns everything, nobody signs in as it
#   migrator  changes the schema (as owner)
#   app       reads and writes rows: no DDL
#   readonly  looks
#   backup    reads everything, and replicates
set -euo pipefail
passwords=${SYNERGY_DB_PASSWORDS_FILE:-/run/secrets/db_passwords}
password_of() { sed -n "s/^$1=//p" "$passwords"; }
for role in migrator app readonly backup; do
  [[ -n $(password_of "$role") ]] || { echo "db: $passwords has no password for $role (just init writes it)" >&2; exit 1; }
done

psql -v ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" \
  -v migrator="$(password_of migrator)" -v app="$(password_of app)" \
  -v readonly="$(password_of readonly)" -v backup="$(password_of backup)" -v db="$POSTGRES_DB" <<'SQL'
SET log_min_duration_statement = -1; SET log_min_error_statement = panic; SET log_statement = none;
CREATE ROLE synergy_owner NOLOGIN;
CREATE ROLE synergy_migrator LOGIN PASSWORD :'migrator' IN ROLE synergy_owner;
CREATE ROLE synergy_app LOGIN PASSWORD :'app';
CREATE ROLE synergy_readonly LOGIN PASSWORD :'readonly';
CREATE ROLE synergy_backup LOGIN REPLICATION PASSWORD :'backup' IN ROLE pg_read_all_data;

-- whatever a migration makes belongs to the owner
ALTER ROLE synergy_migrator SET role = 'synergy_owner';
ALTER ROLE synergy_migrator SET lock_timeout = '5s';
ALTER ROLE synergy_app SET statement_timeout = '15s';
ALTER ROLE synergy_app SET lock_timeout = '2s';
ALTER ROLE synergy_app SET idle_in_transaction_session_timeout = '60s';
ALTER ROLE synergy_readonly SET default_transaction_read_only = on;
ALTER ROLE synergy_readonly SET statement_timeout = '60s';

ALTER DATABASE :"db" OWNER TO synergy_owner;
REVOKE ALL ON DATABASE :"db" FROM PUBLIC;
GRANT CONNECT ON DATABASE :"db" TO synergy_migrator, synergy_app, synergy_readonly, synergy_backup;
ALTER SCHEMA public OWNER TO synergy_owner;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO synergy_app, synergy_readonly, synergy_backup;
ALTER DEFAULT PRIVILEGES FOR ROLE synergy_owner IN SCHEMA public
  GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO synergy_app;
ALTER DEFAULT PRIVILEGES FOR ROLE synergy_owner IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO synergy_app;
ALTER DEFAULT PRIVILEGES FOR ROLE synergy_owner IN SCHEMA public GRANT SELECT ON TABLES TO synergy_readonly;
ALTER DEFAULT PRIVILEGES FOR ROLE synergy_owner IN SCHEMA public GRANT SELECT ON SEQUENCES TO synergy_readonly;
SQL

# a standby streams the cluster (docs/replication.md)
echo "host replication synergy_backup all scram-sha-256" >>"$PGDATA/pg_hba.conf"
