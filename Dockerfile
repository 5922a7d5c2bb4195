# One image for each app: docker build --build-arg APP=api .   (ADR-0005: images run the sources)
# The final stage holds one app's sources, the packages', and that app's production dependencies; nothing is built in it.
ARG NODE_IMAGE=node:24-bookworm-slim

FROM ${NODE_IMAGE} AS build
ARG APP
WORKDIR /app
ENV CI=true DO_NOT_TRACK=1
RUN npm install --global --ignore-scripts --no-audit --no-fund pnpm@12.21.0 \
  && ln -sf "$(npm root -g)/@pnpm/exe.linux-$(node -p process.arch)/pnpm" /usr/local/bin/pnpm
COPY . .
# The gateway serves the web, which is the one thing that is built.
RUN if [ "$APP" = api ]; then pnpm install --frozen-lockfile --filter '@driftlock/web...' \
  && pnpm --filter @driftlock/web build && mv apps/web/dist /web && rm -rf node_modules apps/*/node_modules packages/*/node_modules; \
  else mkdir /web; fi
# Only the simulator's image carries packages that are there for development.
RUN case "$APP" in stripe-simulator) name=@driftlock/stripe-simulator ;; *) name=@driftlock/$APP ;; esac \
  && pnpm install --prod --no-optional --frozen-lockfile --filter "$name..." \
  && mkdir -p /out/apps /out/packages \
  && cp -a package.json node_modules /out/ \
  && cp -a packages/. /out/packages/ && { [ ! -d "apps/$APP" ] || cp -a "apps/$APP" /out/apps/; } \
  && rm -rf /out/packages/*/test /out/packages/devkit /out/packages/sdk /out/apps/*/test \
  && { [ "$APP" = stripe-simulator ] || rm -rf /out/packages/stripe-simulator; }

FROM ${NODE_IMAGE}
ARG APP
ENV NODE_ENV=production BIND_HOST=0.0.0.0 WEB_DIST_DIR=/web APP=${APP}
WORKDIR /app
COPY --from=build /web /web
COPY --from=build /out /app
USER node
CMD ["sh", "-c", "exec node $( [ \"$APP\" = stripe-simulator ] && echo packages || echo apps )/$APP/src/main.ts"]
