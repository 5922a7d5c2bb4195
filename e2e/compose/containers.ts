import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { until } from "@driftlock/devkit";

const run = promisify(execFile);
const root = join(import.meta.dirname, "../..");

/** What `docker inspect` says of a container, as far as it is asked here. */
interface Inspected {
  Name: string;
  RestartCount: number;
  State: { Status: string; ExitCode: number; Health?: { Status: string } };
  Config: { User: string };
  HostConfig: {
    ReadonlyRootfs: boolean;
    PortBindings: Record<string, { HostIp: string }[] | null> | null;
  };
}

export interface Containers {
  /** Runs a command of compose on this project. @returns what it printed to stdout. @throws with its stderr. */
  compose(...args: string[]): Promise<string>;
  /** The containers of a service, or of all; stopped ones too. */
  inspect(service?: string): Promise<Inspected[]>;
  /** Resolves when every container that says so is healthy. */
  untilHealthy(): Promise<void>;
  /** Kills, with -9, the process in the first container of `service`: as when it crashes or runs out of memory. */
  kill(service: string): Promise<void>;
  /** Where a service's port is published on this machine, as host and port. */
  published(service: string, port: number): Promise<string>;
}

/** The system of docker-compose.yml as a project of its own, with `env` over this process's environment. */
export async function createContainers(project: string, env: Record<string, string>): Promise<Containers> {
  const [command, ...first] = await findCompose();
  const files = ["docker-compose.yml", "docker/publish-postgres.yml"].flatMap((file) => ["-f", file]);
  const execute = async (program: string, args: string[]) => {
    const options = { cwd: root, env: { ...process.env, ...env }, maxBuffer: 64 * 1024 * 1024 };
    return (await run(program, args, options)).stdout;
  };
  const compose = (...args: string[]) => execute(command, [...first, "-p", project, ...files, ...args]);
  // By label: `compose ps` leaves out different containers in different versions.
  const idsOf = async (service?: string) => {
    const labels = [
      `com.docker.compose.project=${project}`,
      ...(service ? [`com.docker.compose.service=${service}`] : []),
    ];
    const filters = labels.flatMap((label) => ["--filter", `label=${label}`]);
    return (await execute("docker", ["ps", "--all", "--quiet", ...filters])).split("\n").filter(Boolean);
  };
  const inspect = async (service?: string) =>
    JSON.parse(await execute("docker", ["inspect", ...(await idsOf(service))])) as Inspected[];
  return {
    compose,
    inspect,
    untilHealthy: async () => {
      await until(
        "every container is healthy",
        async () => (await inspect()).every(({ State }) => (State.Health?.Status ?? "healthy") === "healthy"),
        120_000,
      );
    },
    kill: async (service) => {
      const [id = ""] = await idsOf(service);
      // Everything of its user but the init process, which then ends as its child did. `docker kill` would count as
      // somebody's wish, after which nothing is restarted.
      await execute("docker", ["exec", id, "sh", "-c", "kill -9 -1"]).catch(() => {});
    },
    published: async (service, port) => (await compose("port", service, String(port))).trim(),
  };
}

async function findCompose(): Promise<[string, ...string[]]> {
  try {
    await run("docker", ["compose", "version"]);
    return ["docker", "compose"];
  } catch {
    return ["docker-compose"];
  }
}
