ARG NODE_IMAGE=node:24-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /build/apps/web
COPY apps/web/package.json apps/web/package-lock.json apps/web/.npmrc ./
RUN npm ci
COPY packages/client /build/packages/client
COPY apps/web ./
RUN npm run build && npm prune --omit=dev

FROM ${NODE_IMAGE}
LABEL org.opencontainers.image.title="SynergyOS web" org.opencontainers.image.licenses="MIT"
WORKDIR /app
COPY --from=build /build/apps/web/package.json ./
COPY --from=build /build/apps/web/node_modules ./node_modules
COPY --from=build /build/apps/web/build ./build
COPY --from=build /build/apps/web/server ./server
ENV NODE_ENV=production PORT=3000 HOST=0.0.0.0
USER 1000
CMD ["node", "--max-old-space-size=128", "--max-semi-space-size=4", "server/index.mjs"]
