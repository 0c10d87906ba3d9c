# Two images. `db`: PostgreSQL with our roles, which hands its log to pgBackRest. `backup`: the same PostgreSQL with
# restic, rclone and our `synergy`, so that it restores and tries what it keeps with the very programs that run.
ARG POSTGRES_IMAGE=postgres:16

FROM ${POSTGRES_IMAGE} AS db
LABEL org.opencontainers.image.title="SynergyOS database" org.opencontainers.image.licenses="MIT"
RUN apt-get update -qq && apt-get install -qq -y --no-install-recommends pgbackrest >/dev/null && apt-get clean && rm -rf /var/lib/apt/lists/* \
 && install -d -o postgres -g postgres -m 700 /backups /restored /work && install -d -o 10001 -g 10001 /media-files
COPY docker/db/pgbackrest.conf /etc/pgbackrest/pgbackrest.conf
COPY --chmod=755 docker/db/synergy-pgbackrest docker/db/set-passwords.sh /usr/local/bin/
COPY --chmod=755 docker/db/10-roles.sh docker/db/20-stanza.sh /docker-entrypoint-initdb.d/
USER postgres

FROM ${POSTGRES_IMAGE} AS venv
RUN apt-get update -qq && apt-get install -qq -y --no-install-recommends binutils python3 python3-venv >/dev/null && rm -rf /var/lib/apt/lists/*
COPY docker/requirements.txt docker/requirements-build.txt docker/build-venv.sh /build/
RUN --mount=type=cache,target=/var/cache/pip PIP_CACHE_DIR=/var/cache/pip sh /build/build-venv.sh libraries
COPY packages/platform /build/packages/platform
COPY packages/domain /build/packages/domain
COPY apps/api /build/apps/api
COPY apps/worker /build/apps/worker
COPY apps/cli /build/apps/cli
RUN sh /build/build-venv.sh ours \
 # only demo data needs it
 && rm -rf /venv/lib/python3*/site-packages/faker

FROM db AS backup
ARG SYNERGY_VERSION=dev
ARG SYNERGY_REVISION=""
LABEL org.opencontainers.image.title="SynergyOS backup" org.opencontainers.image.version="${SYNERGY_VERSION}" org.opencontainers.image.revision="${SYNERGY_REVISION}"
USER root
RUN apt-get update -qq && apt-get install -qq -y --no-install-recommends python3 restic rclone >/dev/null && apt-get clean && rm -rf /var/lib/apt/lists/*
COPY --from=venv /venv /venv
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 HOME=/tmp
USER postgres
ENTRYPOINT ["synergy"]
CMD ["container", "serve"]
