import { createHash } from "node:crypto";
import { AppError, type DemoSessionDto } from "@driftlock/contracts";
import type { Cluster, Redis } from "ioredis";

/** Turns the one-time token of `webUrl` into a user's token. Simulator mode only. @throws UNAUTHENTICATED. */
export const createDemoSession =
  ({ redis }: { redis: Redis | Cluster }) =>
  async (token: string): Promise<DemoSessionDto> => {
    const hash = createHash("sha256").update(token).digest("hex");
    const userToken = await redis.getdel(`demo:login:${hash}`);
    if (userToken === null) {
      throw new AppError(
        "UNAUTHENTICATED",
        "This link was used before or is none of ours: open the newest one.",
      );
    }
    return { userToken };
  };
