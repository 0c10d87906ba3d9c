# What watches the system, from Debian's packages: a target for each of compose.observability.yaml's services.
ARG DEBIAN_IMAGE=debian:13-slim

FROM ${DEBIAN_IMAGE} AS base
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin synergy
# what a package does to start its service is not for a container
RUN printf '#!/bin/sh\nexit 101\n' > /usr/sbin/policy-rc.d && chmod 755 /usr/sbin/policy-rc.d

FROM base AS prometheus
LABEL org.opencontainers.image.title="SynergyOS Prometheus" org.opencontainers.image.licenses="MIT AND Apache-2.0"
# promtool is for who writes rules, and as large as the server
RUN apt-get update -qq \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends prometheus >/dev/null \
 && apt-get clean && rm -rf /var/lib/apt/lists/* /usr/bin/promtool && install -d -o synergy /series
COPY --chmod=644 ops/prometheus/prometheus.yml ops/prometheus/alerts.yml /etc/prometheus/
USER 10001
EXPOSE 9090
ENTRYPOINT ["prometheus", "--config.file=/etc/prometheus/prometheus.yml", "--storage.tsdb.path=/series", "--log.format=json"]

FROM base AS alertmanager
LABEL org.opencontainers.image.title="SynergyOS Alertmanager" org.opencontainers.image.licenses="MIT AND Apache-2.0"
RUN apt-get update -qq \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends ca-certificates prometheus-alertmanager >/dev/null \
 && apt-get clean && rm -rf /var/lib/apt/lists/* && install -d -o synergy /alerts
COPY --chmod=644 ops/alertmanager/alertmanager.yml /etc/alertmanager/
COPY --chmod=755 docker/alertmanager.sh /usr/local/bin/
USER 10001
EXPOSE 9093
ENTRYPOINT ["alertmanager.sh"]

FROM base AS disks
LABEL org.opencontainers.image.title="SynergyOS disks" org.opencontainers.image.licenses="MIT AND Apache-2.0"
RUN apt-get update -qq \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends prometheus-node-exporter >/dev/null \
 && apt-get clean && rm -rf /var/lib/apt/lists/*
USER 10001
EXPOSE 9100
ENTRYPOINT ["prometheus-node-exporter", "--collector.disable-defaults", "--collector.filesystem", "--collector.filesystem.mount-points-include=^/disk/", "--collector.filesystem.fs-types-include=.*", "--web.disable-exporter-metrics", "--log.format=json"]
