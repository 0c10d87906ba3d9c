# The web app: server rendering on Node. Its hashed files go to the proxy by the volume /static-files.
ARG NODE_IMAGE=node:24-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /build/apps/web
COPY apps/web/package.json apps/web/package-lock.json apps/web/.npmrc ./
RUN --mount=type=cache,target=/var/cache/npm npm ci --cache /var/cache/npm --no-audit --no-fund --loglevel=error
COPY packages/client /build/packages/client
COPY apps/web ./
# react-router names TypeScript as an optional peer, so that npm keeps it; nothing reads types and maps at run time
RUN npm run build && npm prune --omit=dev --no-audit --no-fund --loglevel=error \
 && rm -rf node_modules/typescript node_modules/@typescript node_modules/.bin \
 && find node_modules -type f \( -name '*.map' -o -name '*.d.ts' -o -name '*.d.mts' -o -name '*.d.cts' \) -delete \
 && find node_modules -type d -empty -delete

FROM ${NODE_IMAGE}
ARG SYNERGY_VERSION=dev
ARG SYNERGY_REVISION=""
LABEL org.opencontainers.image.title="SynergyOS web" \
      org.opencontainers.image.description="Web app of SynergyOS" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${SYNERGY_VERSION}" \
      org.opencontainers.image.revision="${SYNERGY_REVISION}"
WORKDIR /app
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin synergy && install -d -o synergy -g synergy /static-files
COPY --from=build /build/apps/web/package.json ./
COPY --from=build /build/apps/web/node_modules ./node_modules
COPY --from=build /build/apps/web/build ./build
COPY --from=build /build/apps/web/server ./server
ENV NODE_ENV=production PORT=3000 HOST=0.0.0.0 SYNERGY_VERSION=${SYNERGY_VERSION}
USER 10001
CMD ["node", "--max-old-space-size=128", "--max-semi-space-size=4", "--import", "./server/publish.mjs", "server/index.mjs"]
