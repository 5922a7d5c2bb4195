import { type ChildProcess, fork } from "node:child_process";

/** A process that is asked one thing after another and answers each. */
export interface Child<Task, Answer> {
  readonly pid: number;
  ask(task: Task): Promise<Answer>;
  stop(): void;
}

export function startChild<Task extends object, Answer>(file: URL): Child<Task, Answer> {
  const child: ChildProcess = fork(file, {
    execArgv: ["--disable-warning=ExperimentalWarning", "--max-old-space-size=4096"],
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  let waiting = Promise.withResolvers<Answer>();
  child.on("message", (message) => waiting.resolve(message as Answer));
  child.once("exit", (code, signal) =>
    waiting.reject(new Error(`${file.pathname} ended (${signal ?? `exit ${code}`})`)),
  );
  waiting.promise.catch(() => {});
  return {
    pid: child.pid ?? 0,
    ask: (task) => {
      waiting = Promise.withResolvers<Answer>();
      child.send(task, (error) => error && waiting.reject(error));
      return waiting.promise;
    },
    stop: () => void child.kill(),
  };
}
