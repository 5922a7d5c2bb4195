import { errorCatalog } from "@driftlock/contracts";
import { beforeAll, expect, test } from "vitest";
import { openFileGateway } from "./open-file-gateway.ts";

const gateway = await openFileGateway();
// oxlint-disable-next-line typescript/no-explicit-any -- the document is what is under test
let document: any;
beforeAll(async () => {
  document = (await gateway.request("GET", "/openapi.json")).body;
});

// oxlint-disable-next-line typescript/no-explicit-any -- likewise
const operations = (): [string, string, any][] =>
  Object.entries<Record<string, object>>(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]): [string, string, object] => [path, method, operation]),
  );

function* refsIn(value: unknown): Generator<string> {
  if (typeof value !== "object" || value === null) return;
  for (const [key, member] of Object.entries(value)) {
    if (key === "$ref" && typeof member === "string") yield member;
    else yield* refsIn(member);
  }
}

test("it is OpenAPI 3.1 and every reference in it leads somewhere", () => {
  expect(document).toMatchObject({
    openapi: "3.1.0",
    info: { title: expect.any(String), version: expect.any(String) },
  });
  const dangling = [...new Set(refsIn(document))].filter(
    (ref) =>
      ref
        .replace("#/", "")
        .split("/")
        // oxlint-disable-next-line typescript/no-explicit-any -- likewise
        .reduce((at: any, part) => at?.[part], document) === undefined,
  );
  expect(dangling).toEqual([]);
});

test("every path parameter is described, and every operation has a summary, a tag and answers", () => {
  for (const [path, method, operation] of operations()) {
    const label = `${method} ${path}`;
    expect(operation.summary, label).toBeTruthy();
    expect(operation.tags, label).toHaveLength(1);
    expect(
      Object.keys(operation.responses).some((status) => status.startsWith("2")),
      label,
    ).toBe(true);
    const named = [...path.matchAll(/\{(\w+)\}/g)].map(([, name = ""]) => name);
    const described = (operation.parameters ?? []).filter((each: { in: string }) => each.in === "path");
    expect(new Set(described.map(({ name }: { name: string }) => name)), label).toEqual(new Set(named));
    for (const [status, { content }] of Object.entries<{ content: object }>(operation.responses)) {
      if (status.startsWith("2")) continue;
      expect(content, `${label} ${status}`).toEqual({
        "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } },
      });
    }
  }
});

test("the docs are served from here and list every code", async () => {
  for (const code of Object.keys(errorCatalog)) expect(document.info.description).toContain(`\`${code}\``);
  const page = await gateway.request("GET", "/docs");
  const html = page.status === 200 ? page : await gateway.request("GET", page.headers.get("location") ?? "");
  expect(html.body).toContain("<html");
  for (const code of Object.keys(errorCatalog)) expect(html.body).toContain(`<code>${code}</code>`);
  expect(html.body).not.toMatch(/src="https?:/);
  const script = /src="([^"]*scalar[^"]*)"/.exec(html.body)?.[1];
  const loaded = await fetch(new URL(script ?? "", `${gateway.url}/docs/`), { method: "GET" });
  expect(loaded.status).toBe(200);
  await loaded.body?.cancel();
});
