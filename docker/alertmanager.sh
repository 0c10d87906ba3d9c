#!/bin/sh
# Starts Alertmanager; `alertmanager.sh config` only prints its configuration: routes as they are in the image, and the
# one receiver as the environment says. Passwords and the webhook's address stay in their files.
set -eu
folder=${SYNERGY_ALERTMANAGER_CONFIG:-/etc/alertmanager}
secrets=${SYNERGY_SECRETS:-/run/secrets}
quoted() { printf "'%s'" "$(printf %s "$1" | sed "s/'/''/g")"; }

config() {
  cat "$folder/alertmanager.yml"
  echo "receivers:"
  echo "  - name: operators"
  if [ -s "$secrets/alert_webhook_url" ]; then
    echo "    webhook_configs:"
    echo "      - { url_file: $(quoted "$secrets/alert_webhook_url"), send_resolved: true }"
  fi
  [ -n "${SYNERGY_ALERT_MAIL:-}" ] || return 0
  echo "    email_configs:"
  echo "      - to: $(quoted "$SYNERGY_ALERT_MAIL")"
  echo "        from: $(quoted "${DEFAULT_FROM_EMAIL:-SynergyOS <noreply@localhost>}")"
  echo "        smarthost: $(quoted "${EMAIL_HOST:-localhost}:${EMAIL_PORT:-587}")"
  # the words that the product's settings take
  case $(printf %s "${EMAIL_USE_TLS:-}" | tr '[:upper:]' '[:lower:]') in
    0 | false | no | off) echo "        require_tls: false" ;;
    *) echo "        require_tls: true" ;;
  esac
  echo "        send_resolved: true"
  [ -n "${EMAIL_HOST_USER:-}" ] || return 0
  echo "        auth_username: $(quoted "$EMAIL_HOST_USER")"
  echo "        auth_password_file: $(quoted "$secrets/email_host_password")"
}

if [ "${1:-}" = config ]; then config; exit; fi
config >/tmp/alertmanager.yml
[ -s "$secrets/alert_webhook_url" ] || [ -n "${SYNERGY_ALERT_MAIL:-}" ] ||
  printf '{"time":"%s","level":"WARN","msg":"nobody is told: set SYNERGY_ALERT_WEBHOOK or SYNERGY_ALERT_MAIL in .env"}\n' "$(date -u +%FT%T.000Z)" >&2
# one of its kind: no gossip
exec prometheus-alertmanager --config.file=/tmp/alertmanager.yml --storage.path=/alerts --cluster.listen-address= \
  --log.format=json "$@"
