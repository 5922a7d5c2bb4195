import { expect, test } from "vitest";
import { createBatchRoom } from "./batch-room.ts";

test("a batch that was written leaves its room to the next, grown where that is larger", async () => {
  const room = createBatchRoom(1);
  const first = await room.enter();
  const tuples = first.take(100);
  first.leave(true);
  const second = await room.enter();
  expect(second.take(60).buffer).toBe(tuples.buffer);
  second.leave(true);
  const third = await room.enter();
  expect(third.take(101)).toHaveLength(101);
});

test("nobody gets the bytes of a batch that failed: they may still wait to be sent", async () => {
  const room = createBatchRoom(1);
  const first = await room.enter();
  const tuples = first.take(100);
  first.leave();
  const second = await room.enter();
  expect(second.take(100).buffer).not.toBe(tuples.buffer);
});

test("who waits for room gets it in the order of asking, with what the one before has left", async () => {
  const room = createBatchRoom(1);
  const first = await room.enter();
  const entered: string[] = [];
  const second = room.enter().then((place) => {
    entered.push("second");
    return place;
  });
  const third = room.enter().then(() => entered.push("third"));
  const tuples = first.take(10);
  expect(entered).toEqual([]);
  first.leave(true);
  const place = await second;
  expect(entered).toEqual(["second"]);
  expect(place.take(10).buffer).toBe(tuples.buffer);
  place.leave();
  await third;
  expect(entered).toEqual(["second", "third"]);
});
