# nginx with our configuration. `resolve` in upstreams needs 1.27.3 or newer.
ARG NGINX_IMAGE=nginx:1.30
FROM ${NGINX_IMAGE}
LABEL org.opencontainers.image.title="SynergyOS proxy" org.opencontainers.image.licenses="MIT"
# a volume takes the owner of the folder that it covers first, in whichever container that is
RUN install -d -o nginx -g nginx /tls /acme && install -d -o 10001 -g 10001 /static-files /media-files
COPY --chmod=755 docker/proxy/40-synergy.sh /docker-entrypoint.d/40-synergy.sh
RUN printf '#!/bin/sh\nexec /docker-entrypoint.d/40-synergy.sh reload\n' > /usr/local/bin/reload-proxy && chmod 755 /usr/local/bin/reload-proxy
COPY nginx /etc/nginx/synergy
USER nginx
EXPOSE 8080 8443
CMD ["nginx", "-c", "/etc/nginx/synergy/nginx.conf", "-g", "daemon off;"]
