#!/bin/bash
# Gives every role the password that .env has for it: a restored database has those of its time.
set -euo pipefail
passwords=${SYNERGY_DB_PASSWORDS_FILE:-/run/secrets/db_passwords}
sql=$(mktemp)
trap 'rm -f "$sql"' EXIT
# whatever it takes or says, no password goes into the database's log
echo "SET log_min_duration_statement = -1; SET log_min_error_statement = panic; SET log_statement = none;" >"$sql"
while IFS='=' read -r role password; do
  [[ -z $password ]] || printf "ALTER ROLE synergy_%s PASSWORD '%s';\n" "$role" "${password//\'/\'\'}" >>"$sql"
done <"$passwords"
superuser=$(</run/secrets/db_superuser_password)
printf "ALTER ROLE postgres PASSWORD '%s';\n" "${superuser//\'/\'\'}" >>"$sql"
# by a file, so that no password stands in a command line
psql -qX -v ON_ERROR_STOP=1 -U postgres -d "${POSTGRES_DB:-postgres}" -f "$sql"
