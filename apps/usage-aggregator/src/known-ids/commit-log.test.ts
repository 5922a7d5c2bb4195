import { expect, test } from "vitest";
import { createCommitLog } from "./commit-log.ts";

const at = (streamId: string, epoch = "e") => ({ epoch, streamId });
const span = (from: string, to: string, generation = 1) => ({
  partition: 0,
  generation,
  from: at(from),
  to: at(to),
});
let made = 0;
const hashes = (count: number) => Uint32Array.from({ length: count * 2 }, () => ++made);

test("what joins from the opening of a generation to the opening of the next is all of it", () => {
  const log = createCommitLog();
  log.append(span("0-0", "1-0"), hashes(9_000));
  log.append(span("1-0", "2-0"), hashes(9_000));
  log.append(span("2-0", "3-0", 2), hashes(1));
  const found = log.find(span("0-0", "2-0"));
  expect(found?.count).toBe(18_000);
  expect(log.find(span("0-0", "1-0"))).toBeNull();
  expect(log.find(span("2-0", "3-0", 2))?.count).toBe(1);
});

test("a generation that nothing was committed to holds nothing; one that was left elsewhere is not known", () => {
  const log = createCommitLog();
  expect(log.find(span("3-0", "3-0"))?.count).toBe(0);
  expect(log.find(span("3-0", "4-0"))).toBeNull();
});

test("one commit that was not seen, before, between or after, leaves nothing", () => {
  const missesFirst = createCommitLog();
  missesFirst.append(span("1-0", "2-0"), hashes(1));
  expect(missesFirst.find(span("0-0", "2-0"))).toBeNull();

  const missesOne = createCommitLog();
  missesOne.append(span("0-0", "1-0"), hashes(1));
  missesOne.append(span("2-0", "3-0"), hashes(1));
  missesOne.append(span("3-0", "4-0"), hashes(1));
  expect(missesOne.find(span("0-0", "4-0"))).toBeNull();

  const missesLast = createCommitLog();
  missesLast.append(span("0-0", "1-0"), hashes(1));
  expect(missesLast.find(span("0-0", "2-0"))).toBeNull();
});

test("the same stream id in another epoch is another position", () => {
  const log = createCommitLog();
  log.append(span("0-0", "5-0"), hashes(1));
  log.append({ ...span("5-0", "1-0"), from: at("5-0"), to: at("1-0", "f") }, hashes(1));
  log.append({ ...span("1-0", "9-0") }, hashes(1));
  expect(log.find(span("0-0", "9-0"))).toBeNull();
});
