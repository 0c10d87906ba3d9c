#!/bin/sh
# Writes to /tmp/nginx what depends on the installation, and looks every ten seconds whether the certificate is a new
# one. Runs at the start of the container, by its entrypoint.
set -eu
out=/tmp/nginx
tls=${SYNERGY_TLS_DIR:-/tls}
mkdir -p "$out" /tmp/body /tmp/proxy

fail() { echo "proxy: $1" >&2; exit 78; }

first_host() { printf '%s' "$ALLOWED_HOSTS" | cut -d, -f1 | tr -d ' '; }

# ALLOWED_HOSTS as nginx writes them: `.example.org` means the domain and all below it, `*` any
server_names() {
  printf '%s' "$ALLOWED_HOSTS" | tr ',' '\n' | tr -d ' ' | while read -r host || [ -n "$host" ]; do
    case "$host" in
      "") ;;
      "*") echo '~^.+$' ;;
      *[!A-Za-z0-9.:_-]*) fail "ALLOWED_HOSTS has '$host', which is no host name" ;;
      \[*) ;;
      *) echo "$host" ;;
    esac
  done | tr '\n' ' '
}

# the operator's own or ACME's certificate in current/, else a self-signed one, made once
choose_certificate() {
  if [ -s "$tls/current/fullchain.pem" ] && [ -s "$tls/current/privkey.pem" ]; then
    source=$tls/current
  else
    source=$tls/self-signed
    if [ ! -s "$source/privkey.pem" ] || ! openssl x509 -checkend 2592000 -noout -in "$source/fullchain.pem" >/dev/null 2>&1 \
       || ! openssl x509 -noout -checkhost "$(first_host)" -in "$source/fullchain.pem" 2>/dev/null | grep -q "does match"; then
      mkdir -p "$source.new"
      openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 397 -subj "/CN=$(first_host)" \
        -addext "subjectAltName=$(printf '%s' "$ALLOWED_HOSTS,localhost" | tr ',' '\n' | tr -d ' *' | sed '/^$/d;s/^\./*./;s/^/DNS:/' | sort -u | paste -sd, -)" \
        -keyout "$source.new/privkey.pem" -out "$source.new/fullchain.pem" 2>/tmp/openssl.log || { cat /tmp/openssl.log >&2; fail "no certificate could be made"; }
      chmod 600 "$source.new/privkey.pem"
      rm -rf "$source"; mv "$source.new" "$source"
    fi
  fi
  cp "$source/fullchain.pem" "$out/certificate.pem.new"; mv "$out/certificate.pem.new" "$out/certificate.pem"
  (umask 077; cp "$source/privkey.pem" "$out/key.pem.new"; mv "$out/key.pem.new" "$out/key.pem")
}

is_self_signed() {
  [ "$(openssl x509 -noout -issuer -in "$out/certificate.pem" | sed 's/^issuer=//')" = \
    "$(openssl x509 -noout -subject -in "$out/certificate.pem" | sed 's/^subject=//')" ]
}

write_configuration() {
  port=${SYNERGY_HTTPS_PORT:-443}
  {
    echo "resolver ${SYNERGY_RESOLVER:-127.0.0.11} valid=5s ipv6=off;"
    echo "resolver_timeout 5s;"
    echo "limit_req_zone \$binary_remote_addr zone=requests:10m rate=${SYNERGY_PROXY_REQUESTS_PER_SECOND:-300}r/s;"
    echo "limit_req_status 429;"
    if [ "$port" = 443 ]; then suffix=""; else suffix=":$port"; fi
    echo "map \$host \$https_port { default \"$suffix\"; }"
    # a load balancer in front: its word counts for the client's address and scheme, nobody else's
    echo "geo \$realip_remote_addr \$from_load_balancer {"
    echo "  default 0;"
    for network in $(printf '%s' "${SYNERGY_LOAD_BALANCERS:-}" | tr ',' ' '); do echo "  $network 1;"; done
    echo "}"
    for network in $(printf '%s' "${SYNERGY_LOAD_BALANCERS:-}" | tr ',' ' '); do echo "set_real_ip_from $network;"; done
    echo "real_ip_header X-Forwarded-For;"
    echo "real_ip_recursive on;"
    echo "map \"\$from_load_balancer:\$http_x_forwarded_proto\" \$request_proto { \"1:https\" https; default \$scheme; }"
    if is_self_signed; then
      echo "map \$host \$hsts { default \"\"; }"
    else
      echo "map \"\$request_proto:\$host\" \$hsts {"
      echo "  \"~^https:(localhost|127\\.|\\[)\" \"\";"
      echo "  \"~^https:\" \"max-age=31536000; includeSubDomains\";"
      echo "  default \"\";"
      echo "}"
    fi
  } >"$out/http.conf"
  names=$(server_names)
  [ -n "$names" ] || fail "ALLOWED_HOSTS is empty: name the hosts that are answered"
  echo "server_name $names;" >"$out/server_name.conf"
  case "$(printf '%s' "${SECURE_SSL_REDIRECT:-true}" | tr '[:upper:]' '[:lower:]')" in
    ""|1|true|yes|on) echo "include /etc/nginx/synergy/snippets/redirect.conf;" ;;
    *) echo "include /etc/nginx/synergy/snippets/locations.conf;" ;;
  esac >"$out/plain.conf"
  endpoint=${SYNERGY_S3_ENDPOINT:-https://s3.${SYNERGY_S3_REGION:-us-east-1}.amazonaws.com}
  if [ "${SYNERGY_STORAGE:-disk}" = s3 ]; then
    cat <<S3
location /s3/ {
  internal;
  set \$route "/media/";
  # what the API said of the file; the storage has its own idea
  set \$file_etag \$upstream_http_etag;
  include /etc/nginx/synergy/snippets/media.conf;
  add_header ETag \$file_etag;
  proxy_http_version 1.1;
  proxy_set_header Connection "";
  proxy_set_header Host $(printf '%s' "$endpoint" | sed 's,^[a-z]*://,,;s,/.*,,');
  # the address is signed already; what the client sent is not the storage's business
  proxy_set_header Authorization "";
  proxy_set_header Cookie "";
  proxy_set_header If-Range "";
  proxy_ssl_server_name on;
  proxy_ssl_verify on;
  proxy_ssl_verify_depth 4;
  proxy_ssl_trusted_certificate /etc/ssl/certs/ca-certificates.crt;
  proxy_hide_header ETag;
  proxy_hide_header Content-Type;
  proxy_buffering off;
  error_page 403 404 = @problem_404;
  # by a variable, so that the name is looked up when it is needed, and not only at the start
  set \$storage ${endpoint%/};
  rewrite ^/s3(/.*)\$ \$1 break;
  proxy_pass \$storage;
}
S3
  fi >"$out/s3.conf"
}

# what the running nginx has read
fingerprint() { cat "$out"/*.pem "$out"/*.conf $(find /etc/nginx/synergy -type f | sort) | sha256sum; }

reload_if_changed() {
  [ "$(fingerprint)" = "$(cat "$out/loaded")" ] && return 0
  nginx -q -t -c /etc/nginx/synergy/nginx.conf || return 1
  fingerprint >"$out/loaded"
  nginx -c /etc/nginx/synergy/nginx.conf -s reload
}

choose_certificate
write_configuration
if [ "${1:-}" = reload ]; then
  reload_if_changed
  exit
fi
fingerprint >"$out/loaded"

watch() {
  while sleep 10; do
    before=$(cksum "$out/certificate.pem")
    choose_certificate || continue
    [ "$before" = "$(cksum "$out/certificate.pem")" ] && continue
    write_configuration
    reload_if_changed || echo "proxy: the new certificate cannot be used; the old one stays" >&2
  done
}
watch &
