// Networks that do not let WebSocket through.

import { after, before, describe, test } from "node:test";
import { Karez, ask, endless, exactly, last, launch, noComplaints, open, profile, stopped, words } from "./harness.mjs";

const quick = words(30, "5ms");

describe("without WebSocket", { concurrency: 2 }, () => {
  let browser;
  before(async () => (browser = await launch()));
  after(() => browser.close());

  const delivers = async (t, block) => {
    const karez = await Karez.start(t, [{ when: "ohne Ende", ...endless.step }, quick.step]);
    const context = await profile(t, browser);
    await context.routeWebSocket(/\/v1\/ws/, block);
    const page = await open(context, karez);
    await page.getByText("Connected over HTTP streaming").waitFor();
    await ask(page, "Zähle ohne Ende");
    const before = await last(page, { state: "streaming", has: "Wort 5 " }); // it streams
    await page.reload();
    await last(page, { state: "streaming", has: before.answer });
    await page.getByText("Connected over HTTP streaming").waitFor();
    await page.getByRole("button", { name: "Stop the answer" }).click();
    await stopped(page, karez);
    await ask(page, "Zähle");
    await exactly(page, karez, quick.text);
    noComplaints(context, { network: true });
  };

  test("closed by a proxy: the event stream delivers, across a reload too", (t) => delivers(t, (ws) => ws.close({ code: 4000 })));
  test("swallowed by a proxy: the event stream delivers too", (t) => delivers(t, () => {}));

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
