// What happened to the page, the network or the server in the middle of an
// answer: the text is the same as if nothing had.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { Karez, Wire, ask, channelOf, connected, endless, exactly, last, launch, noComplaints, open, profile, shown, stopped, until, words } from "./harness.mjs";

const slow = words(300, "20ms");

describe("an answer goes on", { concurrency: 2 }, () => {
  let browser;
  before(async () => (browser = await launch()));
  after(() => browser.close());

  test("after a reload in the middle", async (t) => {
    const karez = await Karez.start(t, [slow.step]);
    const context = await profile(t, browser);
    const page = await open(context, karez);
    await ask(page, "Zähle");
    const before = await last(page, { state: "streaming", has: "Wort 20 " });
    await page.reload();
    const now = await last(page, { has: "Wort 20 " }); // the text so far is back
    assert.equal(now.turn, before.turn);
    assert.equal(now.asked, "Zähle");
    assert.ok(slow.text.startsWith(now.answer));
    await exactly(page, karez, slow.text);
    assert.equal((await shown(page)).length, 1);
    await page.getByText(/^first token in (under )?\d+(\.\d)? s/).waitFor(); // as it was before the reload
    noComplaints(context);
  });

  test("after a reload before the first token", async (t) => {
    const late = words(20, "10ms", { wait: "3s" });
    const karez = await Karez.start(t, [late.step]);
    const context = await profile(t, browser);
    const page = await open(context, karez);
    await ask(page, "Warte");
    const before = await last(page, { state: "pending" });
    assert.equal(before.answer, "");
    await page.reload();
    await connected(page);
    const now = await last(page, {});
    assert.deepEqual([now.turn, now.asked], [before.turn, "Warte"]);
    await exactly(page, karez, late.text);
    assert.equal((await shown(page)).length, 1);
    noComplaints(context);
  });

  test("after a reload in the moment of sending, which loses and doubles nothing", async (t) => {
    const quick = words(30, "10ms");
    const karez = await Karez.start(t, [quick.step]);
    const context = await profile(t, browser);
    const page = await open(context, karez);
    const hash = new URL(page.url()).hash;
    // Nothing of what is sent gets through before the reload.
    await context.setOffline(true);
    await ask(page, "Sofort");
    assert.equal((await last(page, { state: "sending" })).asked, "Sofort");
    await context.setOffline(false);
    await page.goto(`${karez.url}/favicon.svg`);
    await page.goto(`${karez.url}/${hash}`);
    await exactly(page, karez, quick.text);
    assert.deepEqual((await shown(page)).map((v) => v.asked), ["Sofort"]);
    await page.reload();
    await exactly(page, karez, quick.text);
    assert.equal((await shown(page)).length, 1);
    noComplaints(context, { network: true });
  });

  test("in a second tab, the same live", async (t) => {
    const quick = words(30, "10ms");
    const karez = await Karez.start(t, [{ when: "für zwei", ...endless.step }, quick.step]);
    const context = await profile(t, browser);
    const first = await open(context, karez);
    await ask(first, "Zähle für zwei");
    const before = await last(first, { has: "Wort 10 " });
    const second = await open(context, karez, new URL(first.url()).hash);
    const joined = await last(second, { state: "streaming", has: before.answer });
    assert.equal(joined.turn, before.turn);
    await last(first, { has: joined.answer });
    await second.getByRole("button", { name: "Stop the answer" }).click();
    assert.deepEqual(await stopped(first, karez), await stopped(second, karez));
    // Typing in one is seen in the other, and the list is the same in both.
    await second.getByRole("textbox", { name: "Message" }).pressSequentially("Und");
    await first.getByText("You are typing in another window").waitFor();
    await ask(second, "Und nun der zweite");
    await until(async () => (await last(first)).asked === "Und nun der zweite", "the first tab shows it");
    assert.deepEqual(await exactly(first, karez, quick.text), await exactly(second, karez, quick.text));
    await first.getByRole("navigation").getByRole("button", { name: "Zähle für zwei", exact: true }).waitFor();
    noComplaints(context);
  });

  test("after the network was away", async (t) => {
    const long = words(400, "20ms");
    const karez = await Karez.start(t, [long.step]);
    const context = await profile(t, browser);
    const wire = await Wire.lay(t, karez);
    const page = await open(context, wire);
    await ask(page, "Zähle im Tunnel");
    await last(page, { has: "Wort 20 " });
    wire.cut(); // setOffline leaves open WebSockets alone
    await context.setOffline(true);
    await page.getByText("You are offline.").waitFor();
    await until(async () => (await page.title()).startsWith("Offline"), "the title says offline");
    const before = await last(page, { state: "streaming" });
    wire.mend();
    await context.setOffline(false);
    await connected(page);
    assert.ok((await last(page)).answer.startsWith(before.answer));
    await exactly(page, karez, long.text);
    noComplaints(context, { network: true });
  });

  test("a network that is said to be gone is doubted at once, and trusted again when it answers", async (t) => {
    const karez = await Karez.start(t, [{ text: "Fertig." }]);
    const context = await profile(t, browser);
    const page = await open(context, karez);
    // Only the browser's word changes; the connection stands, as to a server on the same machine.
    const says = (online) => page.evaluate((online) => {
      Object.defineProperty(navigator, "onLine", { configurable: true, get: () => online });
      dispatchEvent(new Event(online ? "online" : "offline"));
      return new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(document.querySelector(".dot").textContent))));
    }, online);
    assert.equal(await says(false), "In doubt");
    await page.getByText("Connection in doubt").waitFor();
    assert.equal(await says(true), "Connected");
    assert.equal(await says(false), "In doubt");
    await connected(page);
    await ask(page, "Noch da?");
    await exactly(page, karez, "Fertig.");
    noComplaints(context);
  });
});

describe("the server is killed in the middle of an answer", { concurrency: 2 }, () => {
  let browser;
  before(async () => (browser = await launch()));
  after(() => browser.close());

  const survives = async (t, steps, text) => {
    const karez = await Karez.start(t, steps);
    const context = await profile(t, browser);
    const page = await open(context, karez);
    await ask(page, "Zähle weiter");
    const before = await last(page, { has: "Wort 20 " });
    await karez.kill();
    await page.getByText("Connection lost. Reconnecting").waitFor();
    assert.ok(text.startsWith((await last(page)).answer)); // what was there stays
    await ask(page, "Und danach"); // written meanwhile, sent later
    assert.equal((await last(page)).state, "sending");
    await karez.run();
    await connected(page);
    const channel = channelOf(page);
    await until(async () => (await shown(page)).every((v) => v.state === "completed") && (await shown(page)).length === 2, "both are answered", 60_000);
    const turns = await shown(page);
    assert.deepEqual(turns.map((v) => v.asked), ["Zähle weiter", "Und danach"]);
    assert.equal(turns[0].turn, before.turn);
    for (const v of turns) {
      assert.equal(v.answer, text.trim());
      assert.equal((await karez.turn(page, v.turn)).text, text);
    }
    assert.equal(channelOf(page), channel);
    noComplaints(context, { network: true });
  };

  test("and the model goes on where it was", (t) => survives(t, [{ continue: true }, slow.step], slow.text));
  test("and the model begins anew", (t) => survives(t, [slow.step], slow.text));
});
