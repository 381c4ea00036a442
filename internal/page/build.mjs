// Builds src into dist, or into the folder given. The same sources give the
// same bytes anywhere: test/page-is-built compares them with what is committed.
import { build } from "esbuild";
import { cp, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";

const here = path.dirname(fileURLToPath(import.meta.url));
process.chdir(here); // names of modules are relative to it
const out = path.resolve(process.argv[2] ?? "dist");

await rm(out, { recursive: true, force: true });
await mkdir(out, { recursive: true });

const made = await build({
  entryPoints: { app: "src/main.tsx", style: "src/style.css" },
  outdir: out,
  entryNames: "[name]-[hash]",
  bundle: true,
  minify: true,
  format: "esm",
  target: ["es2022", "chrome111", "firefox115", "safari16.4"],
  jsx: "automatic",
  jsxImportSource: "preact",
  // client/ts has no dependencies; what it does not find is looked for here.
  nodePaths: [path.join(here, "node_modules")],
  legalComments: "none",
  metafile: true,
  logLevel: "warning",
});

let html = await readFile("src/index.html", "utf8");
for (const [file, { entryPoint }] of Object.entries(made.metafile.outputs)) {
  if (entryPoint) html = html.replace(`/${path.basename(entryPoint)}`, `/${path.basename(file)}`);
}
await writeFile(path.join(out, "index.html"), html);
await cp("src/favicon.svg", path.join(out, "favicon.svg"));
const notice = await readFile("node_modules/preact/LICENSE", "utf8");
await writeFile(path.join(out, "licenses.txt"), `This page contains Preact (https://preactjs.com).\n\n${notice}`);
