#!/bin/sh
# Renews what is due, twice a day. `renew-certificates once` does it now.
set -eu
options="--config-dir /tls/acme --work-dir /tmp/certbot --logs-dir /tmp/certbot/logs"
# certbot keeps the authority for its renewals, but not that its own certificate is not to be verified
unverified=/tls/acme/unverified
mkdir -p /tls/acme

install_certificate() {  # the proxy looks into current/ every ten seconds
  for live in /tls/acme/live/*/; do
    [ -s "$live/fullchain.pem" ] || continue
    mkdir -p /tls/current
    cmp -s "$live/fullchain.pem" /tls/current/fullchain.pem && continue
    umask 077
    # the key first: the proxy takes the pair when the certificate changes
    cp "$live/privkey.pem" /tls/current/privkey.pem.new && mv /tls/current/privkey.pem.new /tls/current/privkey.pem
    cp "$live/fullchain.pem" /tls/current/fullchain.pem.new && mv /tls/current/fullchain.pem.new /tls/current/fullchain.pem
    echo "certbot: the new certificate of $(basename "$live") is in place"
  done
}

authority_changed() {  # certbot would keep a certificate of the test service as long as it is good
  wanted=https://acme-v02.api.letsencrypt.org/directory word_before=""
  for word in "$@"; do
    [ "$word_before" != --server ] || wanted=$word
    word_before=$word
  done
  [ -f /tls/acme/renewal/synergyos.conf ] && ! grep -qxF "server = $wanted" /tls/acme/renewal/synergyos.conf
}

if [ "${1:-}" = init ]; then
  rm -f "$unverified"
  case " $* " in *" --no-verify-ssl "*) touch "$unverified" ;; esac
fi
[ ! -e "$unverified" ] || options="$options --no-verify-ssl"
case "${1:-}" in
  init)
    shift
    ! authority_changed "$@" || options="$options --force-renewal"
    certbot certonly $options --webroot --webroot-path /acme --non-interactive --agree-tos --cert-name synergyos "$@"
    install_certificate
    exit 0
    ;;
  once) shift; certbot renew $options --no-random-sleep-on-renew "$@"; install_certificate; exit 0 ;;
esac
trap 'exit 0' TERM INT
while :; do
  certbot renew $options --quiet || echo "certbot: renewal failed; the certificate in place stays" >&2
  install_certificate
  sleep 43200 & wait $!
done
