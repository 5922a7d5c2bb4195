import { expect, inject, test } from "vitest";
import { system } from "../system.ts";
import { runStorm } from "./storm.ts";

const kills = 20;
const seed = Number(process.env["CHAOS_SEED"] || Date.now() % 1_000_000);

test(`usage is exact after ${kills} kills at random, seed ${seed}`, { timeout: 240_000 }, async () => {
  const say = (line: string) => void process.stdout.write(`storm ${seed} | ${line}\n`);
  const report = await runStorm({ driver: system(), pidFolder: inject("pidFolder"), seed, kills, say });
  const { figures, differences, ...counts } = report;
  say(JSON.stringify(counts));
  expect(differences.slice(0, 20), `seed ${seed}`).toEqual([]);
  expect(figures.length).toBeGreaterThan(5);
  expect(counts.acknowledged).toBeGreaterThan(10_000);
});
