# One image for every Python process; the command chooses the role: api, worker, scheduler, migrate or cli.
ARG PYTHON_IMAGE=python:3.13-slim

FROM ${PYTHON_IMAGE} AS build
RUN apt-get update -qq && apt-get install -qq -y --no-install-recommends binutils >/dev/null && rm -rf /var/lib/apt/lists/*
COPY docker/requirements.txt docker/requirements-build.txt docker/build-venv.sh /build/
RUN --mount=type=cache,target=/var/cache/pip PIP_CACHE_DIR=/var/cache/pip sh /build/build-venv.sh libraries
COPY packages/platform /build/packages/platform
COPY packages/domain /build/packages/domain
COPY apps/api /build/apps/api
COPY apps/worker /build/apps/worker
COPY apps/cli /build/apps/cli
RUN sh /build/build-venv.sh ours

FROM ${PYTHON_IMAGE}
ARG SYNERGY_VERSION=dev
ARG SYNERGY_REVISION=""
LABEL org.opencontainers.image.title="SynergyOS" \
      org.opencontainers.image.description="API, worker, scheduler and command line of SynergyOS" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${SYNERGY_VERSION}" \
      org.opencontainers.image.revision="${SYNERGY_REVISION}"
# the volume of the files takes this owner
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin synergy && install -d -o synergy -g synergy /media-files
COPY --from=build /venv /venv
COPY --chmod=755 docker/python-entrypoint.sh /usr/local/bin/synergy-entrypoint
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 SYNERGY_MEDIA_ROOT=/media-files HOME=/tmp
USER 10001
ENTRYPOINT ["synergy-entrypoint"]
CMD ["api"]
