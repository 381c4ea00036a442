// Networks that do not let WebSocket through.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { Karez, ask, exactly, last, launch, noComplaints, open, profile, words } from "./harness.mjs";

const slow = words(150, "20ms");

describe("without WebSocket", { concurrency: 2 }, () => {
  let browser;
  before(async () => (browser = await launch()));
  after(() => browser.close());

  const delivers = async (t, block) => {
    const karez = await Karez.start(t, [slow.step]);
    const context = await profile(t, browser);
    await context.routeWebSocket(/\/v1\/ws/, block);
    const page = await open(context, karez);
    await page.getByText("Connected over HTTP streaming").waitFor();
    await ask(page, "Zähle");
    await last(page, { state: "streaming", has: "Wort 5 " }); // it streams, not all at the end
    await page.reload();
    await exactly(page, karez, slow.text);
    return { karez, context, page };
  };

  test("closed by a proxy: the event stream delivers, across a reload too", async (t) => {
    const { context } = await delivers(t, (ws) => ws.close({ code: 4000 }));
    noComplaints(context, { network: true });
  });

  test("swallowed by a proxy: the event stream delivers, and stop works", async (t) => {
    const { context, karez, page } = await delivers(t, () => {});
    await ask(page, "Zähle noch einmal");
    await last(page, { state: "streaming", has: "Wort 5 " });
    await page.getByRole("button", { name: "Stop the answer" }).click();
    const seen = await last(page, { state: "cancelled" });
    assert.ok(slow.text.startsWith(seen.answer) && seen.answer.length < slow.text.length - 1);
    assert.equal((await karez.turn(page, seen.turn)).text.trim(), seen.answer);
    noComplaints(context, { network: true });
  });

  test("lost in the middle of an answer: the rest comes over the stream", async (t) => {
    const long = words(300, "20ms");
    const karez = await Karez.start(t, [long.step]);
    const context = await profile(t, browser);
    let sockets = [];
    let blocked = false;
    await context.routeWebSocket(/\/v1\/ws/, (ws) => {
      if (blocked) return ws.close({ code: 4000 });
      sockets.push(ws);
      ws.connectToServer();
    });
    const page = await open(context, karez);
    await ask(page, "Zähle");
    await last(page, { has: "Wort 20 " });
    blocked = true;
    for (const ws of sockets) await ws.close({ code: 4000 });
    await page.getByText("Connected over HTTP streaming").waitFor();
    await exactly(page, karez, long.text);
    noComplaints(context, { network: true });
  });
});
