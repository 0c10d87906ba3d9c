# Certbot, for `just tls init`: it runs as the proxy's user, so that it can write the proxy's certificates.
ARG PYTHON_IMAGE=python:3.13-slim
FROM ${PYTHON_IMAGE}
LABEL org.opencontainers.image.title="SynergyOS certificates" org.opencontainers.image.licenses="MIT"
COPY docker/requirements-certbot.txt /tmp/
RUN --mount=type=cache,target=/var/cache/pip python3 -m venv --without-pip /venv \
 && PIP_CACHE_DIR=/var/cache/pip pip --python /venv/bin/python install --disable-pip-version-check --quiet --require-hashes --only-binary :all: -r /tmp/requirements-certbot.txt \
 && rm /tmp/requirements-certbot.txt && useradd --system --uid 101 --no-create-home --shell /usr/sbin/nologin nginx \
 && install -d -o nginx /tls /acme
COPY --chmod=755 docker/certbot.sh /usr/local/bin/renew-certificates
ENV PATH=/venv/bin:$PATH HOME=/tmp
USER 101
CMD ["renew-certificates"]
