# Build with the full toolchain, run with what production needs and nothing else.
FROM node:22.21.1-trixie-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
COPY web/package.json web/
# npm skips the workspaces in clients/, because their folders are not here: the image does not need them.
RUN npm ci --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY scripts scripts
COPY web web
COPY src src
RUN npm run build && npm prune --omit=dev --no-audit --no-fund && rm -rf node_modules/@pulse-metering

FROM node:22.21.1-trixie-slim
ENV NODE_ENV=production EXPORT_DIR=/var/lib/pulse/exports
# npm and sh do not forward signals as process 1; tini does.
RUN apt-get update \
  && apt-get install -y --no-install-recommends tini \
  && rm -rf /var/lib/apt/lists/*
# A volume that is mounted here gets its owner.
RUN mkdir -p /var/lib/pulse/exports && chown node:node /var/lib/pulse/exports
WORKDIR /app
COPY --from=build --chown=root:root /app/package.json ./
COPY --from=build --chown=root:root /app/node_modules node_modules
COPY --from=build --chown=root:root /app/dist dist
COPY --chown=root:root migrations migrations
USER node
EXPOSE 3000 9464
ENTRYPOINT ["/usr/bin/tini", "--", "node", "dist/main.js"]
CMD ["start"]
