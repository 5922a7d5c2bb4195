import { callbackify } from "node:util";
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
    global: false,
    max: requestsPerSecond,
    timeWindow: 1_000,
    redis,
    nameSpace: "api:rate:",
    skipOnError: true,
    keyGenerator: (request) => request.credential?.id ?? normalizeIP(request.ip),
  });
  const count = app.createRateLimit();
  const check = callbackify(async (request: FastifyRequest): Promise<void> => {
    const counted = await count(request);
    if (counted.isAllowed || !counted.isExceeded) return;
    throw new AppError("RATE_LIMITED", `No more than ${requestsPerSecond} requests a second; try again.`, {
      retryAfterSeconds: 1,
    });
  });
  // The plugin's own hook would make promises for those who have no limit too, who send the most.
  app.addHook("onRequest", (request, _reply, done) => {
    if (isUnlimited(request)) done();
    else check(request, (refusal) => done(refusal ?? undefined));
  });
});

const isUnlimited = ({ credential, credentialFault }: FastifyRequest): boolean =>
  credential === null ? credentialFault === null : isService(credential);
