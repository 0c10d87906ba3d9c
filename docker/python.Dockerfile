# One image for every Python process; the command chooses the role: api, worker, scheduler, migrate or cli.
ARG PYTHON_IMAGE=python:3.13-slim

FROM ${PYTHON_IMAGE} AS build
RUN apt-get update -qq && apt-get install -qq -y --no-install-recommends binutils >/dev/null && rm -rf /var/lib/apt/lists/*
COPY docker/requirements.txt docker/requirements-build.txt /build/
RUN --mount=type=cache,target=/root/.cache/pip \
    python3 -m venv /hatchling && /hatchling/bin/pip install --disable-pip-version-check --quiet --require-hashes -r /build/requirements-build.txt \
 && python3 -m venv --without-pip /venv \
 && /hatchling/bin/pip --python /venv/bin/python install --disable-pip-version-check --quiet --require-hashes --only-binary :all: -r /build/requirements.txt
COPY packages/platform /build/packages/platform
COPY packages/domain /build/packages/domain
COPY apps/api /build/apps/api
COPY apps/worker /build/apps/worker
COPY apps/cli /build/apps/cli
# our own packages need nothing more: what they import is installed and locked
RUN cd /build && for member in packages/platform packages/domain apps/api apps/worker apps/cli; do \
      (cd "$member" && /hatchling/bin/python -m hatchling build -t wheel -d /wheels >/dev/null) || exit 1; done \
 && /hatchling/bin/pip --python /venv/bin/python install --disable-pip-version-check --quiet --no-deps --no-index /wheels/*.whl \
 && find /venv -type d \( -name tests -o -name test \) -prune -exec rm -rf {} + \
 && find /venv -type f \( -name '*.py[xi]' -o -name '*.pxd' -o -name '*.c' -o -name '*.cpp' -o -name '*.h' -o -name '*.hpp' \) -delete \
 # of Swagger UI the one page of the API is served, without its editor; setuptools is asked for and never imported
 && find /venv/lib/python3*/site-packages/swagger_ui/static -type f ! -name swagger-ui.css ! -name swagger-ui-bundle.js -delete \
 && rm -rf /venv/lib/python3*/site-packages/setuptools* /venv/lib/python3*/site-packages/_distutils_hack /venv/lib/python3*/site-packages/distutils-precedence.pth \
 && rm -f /venv/bin/activate* /venv/bin/Activate.ps1 \
 # the debugging symbols of compiled modules are a seventh of all
 && find /venv -name '*.so*' -type f -exec strip --strip-unneeded {} +
# the file system is read-only later, and nothing compiled could be kept
RUN /venv/bin/python -m compileall -q -j 0 /venv/lib

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
