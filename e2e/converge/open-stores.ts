import { randomBytes } from "node:crypto";
import { migrate } from "@driftlock/db";
import pg from "pg";
import startInfra from "../../packages/devkit/src/testing/global-setup.ts";
import type { Stores } from "./world.ts";

export interface StoreMaker {
  /** A fresh database, and the Redis that all share. */
  open(): Promise<{ stores: Stores; drop(): Promise<void> }>;
  close(): Promise<void>;
}

/** A Postgres and a Redis for as long as a run takes; each batch clones a migrated database. */
export async function startStores(): Promise<StoreMaker> {
  let urls = { postgresUrl: "", redisUrl: "" };
  const stop = await startInfra({
    provide: (_key, infra) => {
      urls = infra;
    },
  });
  const admin = new pg.Client({ connectionString: urls.postgresUrl });
  await admin.connect();
  const urlOf = (database: string): string => {
    const url = new URL(urls.postgresUrl);
    url.pathname = `/${database}`;
    return url.href;
  };
  const template = `driftlock_converge_${randomBytes(4).toString("hex")}`;
  await admin.query(`create database ${template} template template0`);
  await migrate(urlOf(template));
  let made = 0;
  return {
    open: async () => {
      const name = `${template}_${made++}`;
      await admin.query(`create database ${name} template ${template}`);
      return {
        stores: { databaseUrl: urlOf(name), redisUrl: urls.redisUrl },
        drop: async () => void (await admin.query(`drop database ${name} with (force)`)),
      };
    },
    close: async () => {
      await admin.query(`drop database ${template} with (force)`);
      await admin.end();
      await stop();
    },
  };
}
