import { setTimeout as delay } from "node:timers/promises";

interface Owned {
  name: string;
  release: () => unknown;
}

const DEADLINE_MS = 25_000;

/** What a process has opened, and the one way to close it: acquiring registers, closing goes backwards. */
export class Lifecycle {
  readonly #owned: Owned[] = [];
  readonly #abort = new AbortController();
  #closed: Promise<void> | undefined;

  /** Aborted when closing begins, before the first release. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** Registers `resource` to be released after everything that was owned later. Throws while closing. */
  own<Resource>(name: string, resource: Resource, release: (resource: Resource) => unknown): Resource {
    this.#owned.push({ name, release: () => release(resource) });
    // A resource that arrives while stopping is released with the rest, and its owner goes no further.
    this.#abort.signal.throwIfAborted();
    return resource;
  }

  /**
   * Releases everything, the newest first, even where a release fails. Rejects with an AggregateError that names
   * what failed, or what was still open when the one deadline for all of it passed. A repeat gives the same promise.
   */
  close(deadlineMs: number = DEADLINE_MS): Promise<void> {
    this.#closed ??= this.#releaseAll(deadlineMs);
    return this.#closed;
  }

  async #releaseAll(deadlineMs: number): Promise<void> {
    this.#abort.abort(new Error("the process is stopping"));
    const failures: Error[] = [];
    const timer = new AbortController();
    const deadline = delay(deadlineMs, "late" as const, { signal: timer.signal }).catch(
      () => "late" as const,
    );
    for (let owned = this.#owned.pop(); owned !== undefined; owned = this.#owned.pop()) {
      const { name, release } = owned;
      const released = Promise.resolve()
        .then(release)
        .then(
          () => undefined,
          (cause: unknown) => new Error(`"${name}" did not close`, { cause }),
        );
      const outcome = await Promise.race([released, deadline]);
      if (outcome === "late") {
        failures.push(new Error(`"${name}" was not closed within ${deadlineMs} ms`));
        for (const left of this.#owned.splice(0)) failures.push(new Error(`"${left.name}" was left open`));
      } else if (outcome !== undefined) failures.push(outcome);
    }
    timer.abort();
    if (failures.length > 0)
      throw new AggregateError(failures, failures.map(({ message }) => message).join("; "));
  }
}
