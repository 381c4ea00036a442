// pusher-js and Echo in Chromium, as their pages load them.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { chromium } from "playwright-core";
import { backend, karez, patience, proxy } from "./harness.mjs";

const text = "Wörter 😀 fließen. ";

const files = {
  "/page.html": '<!doctype html><meta charset="utf-8"><script src="/pusher.js"></script><script src="/echo.js"></script>',
  "/pusher.js": await readFile(new URL("node_modules/pusher-js/dist/web/pusher.min.js", import.meta.url)),
  "/echo.js": await readFile(new URL("node_modules/laravel-echo/dist/echo.iife.js", import.meta.url)),
};

/** A page behind a proxy, with Echo connected as broadcaster says. */
async function page(t, k, way, broadcaster) {
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });
  t.after(() => browser.close());
  const p = await browser.newPage();
  p.setDefaultTimeout(patience);
  await p.goto(`http://127.0.0.1:${way.port}/page.html`);
  await p.evaluate(([broadcaster, key, port]) => {
    window.echo = new (Echo.default ?? Echo)({
      broadcaster, key, cluster: "none", wsHost: "127.0.0.1", wsPort: port, httpHost: "127.0.0.1", httpPort: port, forceTLS: false, withoutInterceptors: true,
      authEndpoint: "/broadcasting/auth", auth: { headers: { Authorization: "Bearer ada" } },
    });
    window.heard = [];
    echo.connector.pusher.bind_global((event, data) => heard.push({ event, data }));
    window.transport = () => echo.connector.pusher.connection.connection?.transport.name;
  }, [broadcaster, k.app.key, way.port]);
  return p;
}

/** Asks on a private channel and returns what the page showed when it was done. */
async function answer(p) {
  await p.waitForFunction(() => heard.some((h) => h.event === "turn.done"));
  return p.evaluate(() => {
    let shown = "";
    for (const { event, data } of heard) {
      if (event === "turn.started") shown = "";
      if (event === "turn.delta") shown += data.text;
    }
    return shown;
  });
}

const ask = (p) => p.evaluate(() => {
  const ch = echo.private("chat");
  ch.subscribed(() => ch.whisper("prompt", { message: "m-1", text: "Go" }));
});

for (const broadcaster of ["reverb", "pusher"]) {
  test(`a page with Echo's ${broadcaster} broadcaster falls back where WebSockets are refused`, async (t) => {
    const k = await karez(t, { steps: [{ text, repeat: 60, every: "20ms" }] });
    const auth = await backend(t, k);
    const p = await page(t, k, await proxy(t, k, { files, auth }), broadcaster);
    await ask(p);
    assert.equal(await answer(p), text.repeat(60));
    assert.match(await p.evaluate(() => transport()), /^xhr_/);
  });
}

test("a page whose WebSocket is cut continues by HTTP without loss", async (t) => {
  const k = await karez(t, { steps: [{ text, repeat: 400, every: "20ms" }] });
  const auth = await backend(t, k);
  const way = await proxy(t, k, { websockets: true, files, auth });
  const p = await page(t, k, way, "pusher");
  await ask(p);
  await p.waitForFunction(() => heard.filter((h) => h.event === "turn.delta").length > 20);
  assert.equal(await p.evaluate(() => transport()), "ws");
  way.refuse();
  way.cut();
  assert.equal(await answer(p), text.repeat(400));
  assert.match(await p.evaluate(() => transport()), /^xhr_/);
});
