// The README tells the truth: its examples compile against the built package,
// by its own name and exports, and do what it says.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { Karez } from "../src/karez.js";
import type { Karez as Built } from "@karez/client";
import { FakeHost, settle } from "./clock.js";
import { Network, Server } from "./server.js";

const root = new URL("../../", import.meta.url);
const out = new URL("build/readme/", root);

function examples(): string[] {
  const readme = readFileSync(new URL("README.md", root), "utf8");
  return [...readme.matchAll(/```ts\n([\s\S]*?)```/g)].map((m) => m[1]!);
}

// What examples import from elsewhere, as far as they use it.
const foreign = `declare module "react" { export function useSyncExternalStore<T>(subscribe: (fn: () => void) => () => void, get: () => T): T; }
declare module "ws" { export class WebSocket { constructor(url: string, protocols: string[]); } }
`;

function compile(): void {
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  examples().forEach((code, i) => writeFileSync(new URL(`example${i}.ts`, out), code));
  writeFileSync(new URL("foreign.d.ts", out), foreign);
  writeFileSync(new URL("tsconfig.json", out), JSON.stringify({
    extends: "../../tsconfig.json",
    compilerOptions: { rootDir: ".", outDir: "out", types: ["node"], declaration: false, noUnusedLocals: false },
    include: ["."],
  }));
  execFileSync(fileURLToPath(new URL("node_modules/.bin/tsc", root)), ["-p", fileURLToPath(new URL("tsconfig.json", out))], { stdio: "pipe", encoding: "utf8" });
}

test("examples compile against the package as it is published, and the first two run", async () => {
  assert.ok(examples().length >= 6);
  try {
    compile();
  } catch (e) {
    assert.fail((e as { stdout?: string }).stdout ?? String(e));
  }
  const { ask } = (await import(new URL("out/example0.js", out).href)) as { ask(k: unknown, ch: string, text: string, show: (s: string) => void): Promise<string> };
  const { watch } = (await import(new URL("out/example1.js", out).href)) as { watch(k: unknown, ch: string, text: string, draw: (s: string) => void): Promise<void> };

  const server = new Server();
  const net = new Network(server);
  const karez = new Karez({ url: "http://x", token: "good", env: new FakeHost().env(net.WebSocket) });
  const pieces: string[] = [];
  const asked = ask(karez, "c", "hi", (s) => pieces.push(s));
  await settle();
  server.append("c", "t1", { kind: "text", text: "Hel" });
  await settle();
  server.append("c", "t1", { kind: "text", text: "lo" }, { kind: "end" });
  assert.equal(await asked, "end");
  assert.deepEqual(pieces, ["Hel", "lo"]);

  const drawn: string[] = [];
  const watched = watch(karez, "d", "hi", (s) => drawn.push(s));
  await settle();
  server.append("d", "t2", { kind: "text", text: "wrong" });
  await settle();
  server.append("d", "t2", { kind: "epoch", data: { epoch: 2, keep: 1 } }, { kind: "text", text: "right" }, { kind: "end" });
  await watched;
  assert.deepEqual([drawn.includes("wrong"), drawn.at(-1)], [true, "right"]);
  karez.close();
});

test("the package is imported by its name", async () => {
  const main = (await import("@karez/client")) as { Karez: typeof Built; version: string };
  const fold = await import("@karez/client/fold");
  const described = JSON.parse(readFileSync(new URL("package.json", root), "utf8")) as { version: string; files: string[]; exports: Record<string, unknown> };
  assert.equal(typeof main.Karez, "function");
  assert.equal(fold.textOf(fold.fold([{ seq: 1, kind: "text", text: "a" }])), "a");
  assert.ok(described.version.startsWith(main.version));
  for (const target of JSON.stringify(described.exports).matchAll(/"\.\/(dist\/[^"]+)"/g)) {
    assert.ok(readFileSync(new URL(target[1]!, root)).length > 0);
  }
});
