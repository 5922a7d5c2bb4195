# One image for each app: docker build --build-arg APP=usage-aggregator --target app .   (the gateway: --target api)
# It runs the sources (docs/decisions/0005): one app's, its packages', and its production dependencies, nothing else.
ARG NODE_IMAGE=node:24-bookworm-slim

FROM ${NODE_IMAGE} AS pnpm
ENV CI=true DO_NOT_TRACK=1
RUN npm install --global --no-audit --no-fund --loglevel=error pnpm@12.21.0
WORKDIR /app
COPY pnpm-lock.yaml pnpm-workspace.yaml ./
RUN pnpm fetch --prod && rm -rf node_modules
COPY . .

FROM pnpm AS build
ARG APP
# Declarations and source maps of dependencies, and the compiler that one has as a peer, are for editors alone.
RUN pnpm install --offline --frozen-lockfile --prod --no-optional --filter-prod "@driftlock/$APP..." \
  && find node_modules/.pnpm -type f \( -name '*.map' -o -name '*.d.ts' -o -name '*.d.cts' -o -name '*.d.mts' \) -delete \
  && rm -rf node_modules/.pnpm/typescript@* node_modules/.pnpm/@typescript+* \
  && mkdir /out && cp -a package.json node_modules /out/ \
  && for dir in $(pnpm list --prod --parseable --depth -1 --filter-prod "@driftlock/$APP..."); do \
    mkdir -p "/out/${dir#/app/}" && cp -a "$dir/." "/out/${dir#/app/}"; done \
  && ln -s "$(ls -d apps/$APP packages/$APP 2>/dev/null)/src/main.ts" /out/main.ts

FROM ${NODE_IMAGE} AS app
# Every listener in it is for the container's network; the two folders are where volumes are put.
ENV NODE_ENV=production NODE_OPTIONS="--disable-warning=ExperimentalWarning --max-semi-space-size=8" BIND_HOST=0.0.0.0
RUN mkdir /secrets /state && chown node:node /secrets /state
WORKDIR /app
COPY --from=build /out ./
COPY docker/driftlock /usr/local/bin/
USER node
CMD ["node", "main.ts"]

# The web is the one thing that is built.
FROM pnpm AS web
RUN pnpm install --frozen-lockfile --filter "@driftlock/web..." && pnpm --filter @driftlock/web build

FROM app AS api
ENV WEB_DIST_DIR=/web
COPY --from=web /app/apps/web/dist /web
# As in packages/devkit/src/start/process-specs.ts; what is said here outweighs NODE_OPTIONS.
CMD ["node", "--max-semi-space-size=16", "--heap-growing-percent=60", "main.ts"]
