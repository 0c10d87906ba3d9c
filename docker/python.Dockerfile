# One image for every Python process; the command chooses the role: api, worker, scheduler or a `synergy` command.
ARG PYTHON_IMAGE=python:3.13-slim

FROM ${PYTHON_IMAGE} AS build
RUN python -m venv /venv
COPY constraints.txt /build/
COPY packages /build/packages
COPY apps/api /build/apps/api
COPY apps/worker /build/apps/worker
COPY apps/cli /build/apps/cli
RUN cd /build && /venv/bin/pip install --no-cache-dir --constraint constraints.txt \
    ./packages/platform ./packages/domain ./apps/api ./apps/worker ./apps/cli

FROM ${PYTHON_IMAGE}
LABEL org.opencontainers.image.title="SynergyOS" org.opencontainers.image.licenses="MIT"
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin synergy && install -d -o synergy /media-files
COPY --from=build /venv /venv
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 SYNERGY_MEDIA_ROOT=/media-files
USER 10001
CMD ["python", "-m", "synergy_api"]
