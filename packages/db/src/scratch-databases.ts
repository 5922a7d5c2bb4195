import pg from "pg";
import { sqlState } from "./errors.ts";
import { migrate } from "./migrate.ts";

export interface ScratchDatabase {
  url: string;
  drop(): Promise<void>;
}

export interface ScratchDatabases {
  /** Migrated and empty; what is put in it is in every copy. */
  readonly templateUrl: string;
  /** Makes a database as the template is now. Nobody may be connected to the template. */
  copy(): Promise<ScratchDatabase>;
  /** Drops the template and every copy that is left. */
  close(): Promise<void>;
}

const insufficientPrivilege = "42501";

/**
 * Databases for a moment, beside the one of `connectionString` on its server. Whoever is killed leaves some behind: the
 * next to open those of this `purpose` drops them, so one at a time may.
 * @throws Error, for people, where another is at it, or the role may make none.
 */
export async function openScratchDatabases(
  connectionString: string,
  purpose: string,
): Promise<ScratchDatabases> {
  const admin = new pg.Client({ connectionString, application_name: `driftlock-${purpose}` });
  // One that breaks while it is idle would end the process; its next query tells.
  admin.on("error", () => {});
  await admin.connect();
  const urlOf = (name: string): string => {
    const url = new URL(connectionString);
    url.pathname = `/${name}`;
    return url.href;
  };
  try {
    const prefix = await claimPrefix(admin, purpose);
    const dropAll = async (): Promise<void> => {
      const { rows } = await admin.query<{ datname: string }>(
        "select datname from pg_database where starts_with(datname, $1)",
        [prefix],
      );
      for (const { datname } of rows) await admin.query(`drop database ${datname} with (force)`);
    };
    await dropAll();
    const template = `${prefix}template`;
    await create(admin, template, "template0");
    await migrate(urlOf(template));
    let made = 0;
    return {
      templateUrl: urlOf(template),
      copy: async () => {
        const name = `${prefix}${++made}`;
        await create(admin, name, template);
        const drop = async () => void (await admin.query(`drop database if exists ${name} with (force)`));
        return { url: urlOf(name), drop };
      },
      close: async () => {
        await dropAll();
        await admin.end();
      },
    };
  } catch (error) {
    await admin.end();
    throw error;
  }
}

/** The name of the database is in it: others on the same server have theirs. The lock ends with the session. */
async function claimPrefix(admin: pg.Client, purpose: string): Promise<string> {
  const { rows } = await admin.query<{ oid: number; is_claimed: boolean }>(
    `select oid, pg_try_advisory_lock(hashtextextended('driftlock ' || $1, 0)) as is_claimed
    from pg_database where datname = current_database()`,
    [purpose],
  );
  const [found] = rows;
  if (!found?.is_claimed) throw new Error(`another ${purpose} is under way on this database`);
  return `driftlock_${purpose}_${found.oid}_`;
}

async function create(admin: pg.Client, name: string, template: string): Promise<void> {
  try {
    await admin.query(`create database ${name} template ${template}`);
  } catch (error) {
    if (sqlState(error) !== insufficientPrivilege) throw error;
    throw new Error(
      "the database role may not make databases, and this needs one for a moment: alter role … createdb",
      { cause: error },
    );
  }
}
