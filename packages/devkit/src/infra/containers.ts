import { createHash } from "node:crypto";
import type { StartedTestContainer } from "testcontainers";
import { keepPassword } from "./keep-password.ts";

export interface ContainerOptions {
  /** Names the container and its volume, so that the next run finds its data and replaces a container left behind. */
  folder: string;
  /** False where the data goes with the container. */
  isDurable: boolean;
}

export interface RunningContainer {
  url: string;
  stop(): Promise<void>;
}

interface ImageSpec {
  image: string;
  port: number;
  command: string[];
  environment: Record<string, string>;
  dataPath: string;
  readyLog: RegExp;
  url: (host: string, port: number) => string;
}

const postgresImage = (password: string): ImageSpec => ({
  image: "postgres:18",
  port: 5432,
  command: ["postgres", "-c", "max_connections=200"],
  environment: {
    POSTGRES_USER: "driftlock",
    POSTGRES_PASSWORD: password,
    PGDATA: "/var/lib/postgresql/18/docker",
  },
  dataPath: "/var/lib/postgresql",
  readyLog: /listening on IPv4 address "0\.0\.0\.0"/, // its set-up run listens on a socket alone
  url: (host, port) => `postgres://driftlock:${password}@${host}:${port}/postgres`,
});

const redisImage = (password: string): ImageSpec => ({
  image: "redis:8",
  port: 6379,
  command: [
    ...["redis-server", "--bind", "0.0.0.0", "--requirepass", password, "--databases", "256"],
    ...["--appendonly", "yes", "--appendfsync", "everysec", "--maxmemory-policy", "noeviction", "--save", ""],
  ],
  environment: {},
  dataPath: "/data",
  readyLog: /Ready to accept connections/,
  url: (host, port) => `redis://:${password}@${host}:${port}`,
});

/** Whether a Docker engine answers. */
export async function isEngineThere(): Promise<boolean> {
  const { getContainerRuntimeClient } = await import("testcontainers");
  return getContainerRuntimeClient().then(
    () => true,
    () => false,
  );
}

export const startPostgresContainer = (options: ContainerOptions) =>
  start("postgres", postgresImage, options);
export const startRedisContainer = (options: ContainerOptions) => start("redis", redisImage, options);

async function start(
  name: string,
  image: (password: string) => ImageSpec,
  { folder, isDurable }: ContainerOptions,
): Promise<RunningContainer> {
  const { GenericContainer, getContainerRuntimeClient, Wait } = await import("testcontainers");
  const client = await getContainerRuntimeClient().catch(() => {
    throw new Error(
      "INFRA=containers, but no Docker engine answers; start one, or unset INFRA to use local binaries",
    );
  });
  const password = keepPassword(folder);
  const spec = image(password);
  // With the password in it, so that a folder that was deleted and made anew does not meet data it has no key to.
  const hash = createHash("sha256").update(`${folder}\n${password}`).digest("hex").slice(0, 12);
  const fullName = `driftlock-${hash}-${name}`;
  await client.container.dockerode.getContainer(fullName).remove({ force: true }).catch(ignoreMissing);
  let container = new GenericContainer(spec.image)
    .withName(fullName)
    .withCommand(spec.command)
    .withEnvironment(spec.environment)
    .withExposedPorts(spec.port)
    .withWaitStrategy(Wait.forLogMessage(spec.readyLog))
    .withStartupTimeout(300_000); // the image may have to be pulled
  if (isDurable) {
    container = container.withBindMounts([{ source: fullName, target: spec.dataPath, mode: "rw" }]);
  }
  const started: StartedTestContainer = await container.start();
  return {
    url: spec.url(started.getHost(), started.getMappedPort(spec.port)),
    stop: async () => void (await started.stop({ timeout: 30_000 })),
  };
}

function ignoreMissing(error: unknown): void {
  if ((error as { statusCode?: number }).statusCode !== 404) throw error;
}
