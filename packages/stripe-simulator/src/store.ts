import type { DatabaseSync } from "node:sqlite";
import { resourceMissing } from "./errors.ts";
import type { ObjectOf, ObjectType } from "./objects.ts";

/**
 * The simulator's objects, in stored form (ids, never expanded). What is read is frozen and shared: to change an
 * object, put a new one (`update` does it for shallow changes).
 */
export interface Store {
  get<K extends ObjectType>(type: K, id: string): ObjectOf<K> | undefined;
  /** Throws `resource_missing`: 404, or 400 naming `param` where the id came as a parameter. */
  getOrThrow<K extends ObjectType>(type: K, id: string, param?: string): ObjectOf<K>;
  /** Inserts or replaces by id. */
  put<K extends ObjectType>(type: K, object: ObjectOf<K>): void;
  /** Replaces top-level fields of an existing object and returns the result. */
  update<K extends ObjectType>(type: K, id: string, change: Partial<ObjectOf<K>>): ObjectOf<K>;
  delete(type: ObjectType, id: string): void;
  /** In the order of insertion. */
  list<K extends ObjectType>(type: K): ObjectOf<K>[];
  /** Runs `work`; whatever it throws, what it wrote is undone. */
  savepoint<T>(work: () => T): T;
  /** Runs `work`, undoes everything it wrote (events too), and returns its result: what a preview needs. */
  dryRun<T>(work: () => T): T;
}

/** The store plus the boundary of a transaction, for the pipeline and the timers only. */
export interface TransactionalStore extends Store {
  /** Runs `work` and writes all it changed to disk in one step before returning; what throws is undone. */
  transact<T>(work: () => T): T;
  close(): void;
}

interface Entry {
  seq: number;
  object: object;
}

interface Write {
  type: ObjectType;
  id: string;
  before: Entry | undefined;
}

/** A store over SQLite (`db`), or in memory alone (null). Everything on disk is loaded at once. */
export function createStore(db: DatabaseSync | null): TransactionalStore {
  const kinds = new Map<ObjectType, Map<string, Entry>>();
  const journal: Write[] = [];
  let lastSeq = 0;
  let isOpen = false;
  const disk = db === null ? null : openTables(db);

  const kind = (type: ObjectType): Map<string, Entry> => {
    const known = kinds.get(type);
    if (known !== undefined) return known;
    const made = new Map<string, Entry>();
    kinds.set(type, made);
    return made;
  };
  for (const row of disk?.load() ?? []) {
    kind(row.type).set(row.id, { seq: row.seq, object: deepFreeze(JSON.parse(row.json) as object) });
    lastSeq = Math.max(lastSeq, row.seq);
  }

  const undoTo = (mark: number): void => {
    while (journal.length > mark) {
      const { type, id, before } = journal.pop() as Write;
      const entries = kind(type);
      if (before === undefined) entries.delete(id);
      else if (entries.has(id)) entries.set(id, before);
      else
        kinds.set(type, new Map([...entries, [id, before] as const].sort(([, a], [, b]) => a.seq - b.seq)));
    }
  };
  const commit = (): void => {
    const changed = new Map(journal.map((write) => [`${write.type} ${write.id}`, write]));
    if (changed.size > 0)
      disk?.write([...changed.values()].map(({ type, id }) => ({ type, id, entry: kind(type).get(id) })));
    journal.length = 0;
  };

  const store: TransactionalStore = {
    get: <K extends ObjectType>(type: K, id: string) => kind(type).get(id)?.object as ObjectOf<K> | undefined,
    getOrThrow(type, id, param) {
      const found = store.get(type, id);
      if (found === undefined) throw resourceMissing(type.split(".").at(-1) ?? type, id, param);
      return found;
    },
    put(type, object) {
      if (!isOpen) throw new Error(`store.put(${type}) outside of a transaction`);
      const before = kind(type).get(object.id);
      journal.push({ type, id: object.id, before });
      kind(type).set(object.id, { seq: before?.seq ?? ++lastSeq, object: deepFreeze(object) });
    },
    update(type, id, change) {
      const next = { ...store.getOrThrow(type, id), ...change };
      store.put(type, next);
      return next;
    },
    delete(type, id) {
      const before = kind(type).get(id);
      if (before === undefined) return;
      journal.push({ type, id, before });
      kind(type).delete(id);
    },
    list: <K extends ObjectType>(type: K) =>
      [...kind(type).values()].map((entry) => entry.object as ObjectOf<K>),
    savepoint(work) {
      const mark = journal.length;
      try {
        return work();
      } catch (error) {
        undoTo(mark);
        throw error;
      }
    },
    dryRun(work) {
      const mark = journal.length;
      try {
        return work();
      } finally {
        undoTo(mark);
      }
    },
    transact(work) {
      if (isOpen) throw new Error("transactions do not nest");
      isOpen = true;
      try {
        return store.savepoint(work);
      } finally {
        isOpen = false;
        commit();
      }
    },
    close() {
      if (db?.isOpen === true) db.close();
    },
  };
  return store;
}

function openTables(db: DatabaseSync) {
  db.exec(`pragma locking_mode = exclusive; pragma journal_mode = wal; pragma synchronous = normal;
    create table if not exists objects (type text, id text, seq integer not null, json text not null, primary key (type, id)) without rowid`);
  const select = db.prepare("select type, id, seq, json from objects order by seq");
  const upsert = db.prepare(
    "insert into objects (type, id, seq, json) values (?, ?, ?, ?) on conflict (type, id) do update set seq = excluded.seq, json = excluded.json",
  );
  const remove = db.prepare("delete from objects where type = ? and id = ?");
  return {
    load: () => select.all() as unknown as { type: ObjectType; id: string; seq: number; json: string }[],
    write(changes: { type: ObjectType; id: string; entry: Entry | undefined }[]): void {
      db.exec("begin");
      for (const { type, id, entry } of changes) {
        if (entry === undefined) remove.run(type, id);
        else upsert.run(type, id, entry.seq, JSON.stringify(entry.object));
      }
      db.exec("commit");
    },
  };
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value;
  for (const inner of Object.values(value)) deepFreeze(inner);
  return Object.freeze(value);
}
