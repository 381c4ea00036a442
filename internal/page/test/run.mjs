// Bundles the tests of the page's pure modules for Node and runs them.
import { build } from "esbuild";
import { spawnSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";

const here = path.dirname(fileURLToPath(import.meta.url));
const out = await mkdtemp(path.join(here, "build-"));
try {
  await build({ entryPoints: [path.join(here, "markdown.test.ts")], outdir: out, bundle: true, platform: "node", format: "esm", outExtension: { ".js": ".mjs" } });
  process.exitCode = spawnSync(process.execPath, ["--test", path.join(out, "markdown.test.mjs")], { stdio: "inherit", timeout: 120_000 }).status ?? 1;
} finally {
  await rm(out, { recursive: true, force: true });
}
