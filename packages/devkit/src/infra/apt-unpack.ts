// Redis on Debian and Ubuntu without root and without touching the system: apt is asked what would be installed,
// the packages are downloaded and unpacked into our own folder.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { RedisBinary } from "./redis-binary.ts";

interface UnpackOptions {
  home: string;
  /** Package names, each with a server of the same name in it; the first that can be had is taken. */
  names: readonly string[];
  say: (text: string) => void;
}

/** Null where apt offers none of the packages, or cannot download them. */
export function unpackRedisFromDebian({ home, names, say }: UnpackOptions): RedisBinary | null {
  const target = join(home, "redis-server", process.arch);
  const found = () => serverIn(target, names);
  const present = found();
  if (present) return present;
  mkdirSync(join(home, "redis-server"), { recursive: true });
  const work = mkdtempSync(join(home, "redis-server", "download-"));
  try {
    return downloadWith(baseOptions(work)) ?? downloadWith(updatePrivateLists());
  } finally {
    rmSync(work, { recursive: true, force: true });
  }

  // The system's package lists may be missing, or too old to match the mirror: then with lists of our own.
  function updatePrivateLists(): string[] {
    const options = privateLists(home);
    say("fetching Debian's package lists into the private folder");
    apt([...options, "update"], work);
    return options;
  }

  function downloadWith(options: readonly string[]): RedisBinary | null {
    if (!names.some((name) => downloadAndUnpack({ name, options, work, say }))) return null;
    try {
      renameSync(join(work, "root"), target);
    } catch (error) {
      if (!found()) throw error; // else another run was faster
    }
    return found();
  }
}

/** As root apt would drop to a user that cannot write to our folder. */
const baseOptions = (work: string) => [
  "-o",
  "APT::Sandbox::User=root",
  "-o",
  `Dir::Cache=${join(work, "cache")}`,
];

function privateLists(home: string): string[] {
  const folder = join(home, "redis-server", "apt");
  for (const name of ["lists/partial", "cache/archives/partial"])
    mkdirSync(join(folder, name), { recursive: true });
  return [
    ...["-o", "APT::Sandbox::User=root", "-o", `Dir::Cache=${join(folder, "cache")}`],
    ...["-o", `Dir::State::lists=${join(folder, "lists")}`],
    // What images set to clean up after updates needs root, and concerns the system's own lists.
    ...["-o", "APT::Update::Post-Invoke::=", "-o", "APT::Update::Post-Invoke-Success::="],
  ];
}

function apt(args: readonly string[], cwd: string): { ok: boolean; stdout: string } {
  const result = spawnSync("apt-get", args, { cwd, encoding: "utf8", env: { ...process.env, LC_ALL: "C" } });
  return { ok: result.status === 0, stdout: result.stdout ?? "" };
}

function downloadAndUnpack(options: {
  name: string;
  options: readonly string[];
  work: string;
  say: (text: string) => void;
}): boolean {
  const { name, work, say } = options;
  mkdirSync(join(work, "cache", "archives", "partial"), { recursive: true });
  const simulated = apt([...options.options, "install", "--simulate", "--no-install-recommends", name], work);
  const packages = [...simulated.stdout.matchAll(/^Inst (\S+)/gm)]
    .map((match) => match[1] ?? "")
    .filter((wanted) => wanted !== "libc6"); // never beside the system's own loader
  if (!simulated.ok || packages.length === 0) return false;
  say(`downloading ${packages.join(", ")} into the private folder (first run only)`);
  if (!apt([...options.options, "download", ...packages], work).ok) return false;
  const archives = readdirSync(work).filter((file) => file.endsWith(".deb"));
  return archives.every(
    (file) => spawnSync("dpkg-deb", ["-x", join(work, file), join(work, "root")]).status === 0,
  );
}

function serverIn(target: string, names: readonly string[]): RedisBinary | null {
  const command = names.map((name) => join(target, "usr", "bin", name)).find((path) => existsSync(path));
  if (!command) return null;
  const libraries = ["usr/lib", "lib"].flatMap((folder) => libraryFolders(join(target, folder)));
  return { command, env: { ...process.env, LD_LIBRARY_PATH: libraries.join(":") } };
}

/** The folder itself and its multiarch folders ("x86_64-linux-gnu"). */
function libraryFolders(folder: string): string[] {
  if (!existsSync(folder)) return [];
  const multiarch = readdirSync(folder).filter((name) => name.includes("-linux-"));
  return [folder, ...multiarch.map((name) => join(folder, name))];
}
