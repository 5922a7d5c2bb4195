import { AppError } from "@driftlock/contracts";
import rateLimit, { normalizeIP } from "@fastify/rate-limit";
import type { FastifyRequest } from "fastify";
import fp from "fastify-plugin";
import type { Cluster, Redis } from "ioredis";
import { isService } from "../auth/credential.ts";

interface RateLimitOptions {
  redis: Redis | Cluster;
  requestsPerSecond: number;
}

/**
 * Requests of one key in each second, counted in Redis over all gateways. Service keys have no limit; what needs no
 * credential and sent none has none either; a credential that is none counts by address. Redis away, nobody is
 * refused for that: what needs Redis says so itself.
 */
export const rateLimitPlugin = fp<RateLimitOptions>(async (app, { redis, requestsPerSecond }) => {
  await app.register(rateLimit, {
    max: requestsPerSecond,
    timeWindow: 1_000,
    redis,
    nameSpace: "api:rate:",
    skipOnError: true,
    keyGenerator: (request) => request.credential?.id ?? normalizeIP(request.ip),
    allowList: isUnlimited,
    addHeaders: { "x-ratelimit-limit": false, "x-ratelimit-remaining": false, "x-ratelimit-reset": false },
    addHeadersOnExceeding: {
      "x-ratelimit-limit": false,
      "x-ratelimit-remaining": false,
      "x-ratelimit-reset": false,
    },
    errorResponseBuilder: () =>
      new AppError("RATE_LIMITED", `No more than ${requestsPerSecond} requests a second; try again.`, {
        retryAfterSeconds: 1,
      }),
  });
});

const isUnlimited = ({ credential, credentialFault }: FastifyRequest): boolean =>
  credential === null ? credentialFault === null : isService(credential);
