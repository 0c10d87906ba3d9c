# PostgreSQL with our roles, and a folder for the archived WAL. The backup container is the same image.
ARG POSTGRES_IMAGE=postgres:16
FROM ${POSTGRES_IMAGE}
LABEL org.opencontainers.image.title="SynergyOS database" org.opencontainers.image.licenses="MIT"
RUN install -d -o postgres -g postgres -m 700 /wal-archive /backups && install -d -o 10001 -g 10001 /media-files
COPY --chmod=755 docker/db/archive-wal.sh docker/db/keep-wal.sh /usr/local/bin/
COPY --chmod=755 docker/db/10-roles.sh /docker-entrypoint-initdb.d/10-roles.sh
USER postgres
