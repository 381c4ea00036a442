// What a reader does with turns: stop, regenerate, edit, branches, a queue,
// failures, history.

import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { Karez, ask, connected, endless, exactly, last, launch, noComplaints, open, profile, shown, stopped, until, words } from "./harness.mjs";

const quick = words(15, "5ms");

describe("turns", { concurrency: 2 }, () => {
  let browser;
  before(async () => (browser = await launch()));
  after(() => browser.close());

  const setup = async (t, steps) => {
    const karez = await Karez.start(t, steps);
    const context = await profile(t, browser);
    return { karez, context, page: await open(context, karez) };
  };

  test("stop: by the button and by Esc, and what was said stays", async (t) => {
    const { karez, context, page } = await setup(t, [endless.step]);
    await ask(page, "Zähle ohne Ende");
    await last(page, { has: "Wort 10 " });
    assert.match(await page.title(), /^Answering… · Zähle ohne Ende/);
    await page.getByRole("button", { name: "Stop the answer" }).click();
    await stopped(page, karez);
    await until(async () => (await page.title()) === "Zähle ohne Ende – Karez", "the title is quiet again");
    await ask(page, "Und noch einmal");
    await last(page, { state: "streaming", has: "Wort 3 " });
    await page.keyboard.press("Escape");
    await stopped(page, karez);
    assert.equal((await shown(page)).length, 2);
    noComplaints(context);
  });

  test("regenerate, and go back and forth between the answers", async (t) => {
    const { karez, context, page } = await setup(t, [quick.step]);
    await ask(page, "Zähle");
    const first = await exactly(page, karez, quick.text);
    await page.getByRole("button", { name: "Regenerate answer" }).click();
    await until(async () => (await shown(page)).at(-1).version === "2/2", "the second version is shown");
    const second = await exactly(page, karez, quick.text);
    assert.notEqual(second.turn, first.turn);
    await ask(page, "Danach");
    await until(async () => (await shown(page)).length === 2, "it follows");
    await last(page, { state: "completed" });
    await page.getByRole("button", { name: "Previous version" }).click();
    await until(async () => (await shown(page)).map((v) => v.version).join() === "1/2", "the first version has no continuation");
    assert.equal((await last(page)).turn, first.turn);
    await page.getByRole("button", { name: "Next version" }).click();
    await until(async () => (await shown(page)).map((v) => v.version).join() === "2/2,", "the second has");
    assert.deepEqual((await shown(page)).map((v) => v.asked), ["Zähle", "Danach"]);
    noComplaints(context);
  });

  test("edit and send again; the old message is a branch", async (t) => {
    const { karez, context, page } = await setup(t, [{ text: "Du sagst: {prompt}." }]);
    await ask(page, "Guten Tag");
    await exactly(page, karez, "Du sagst: Guten Tag.");
    await page.locator(".asked").hover();
    await page.getByRole("button", { name: "Edit message" }).click();
    const box = page.getByRole("textbox", { name: "Edit your message" });
    await box.fill("Gute Nacht");
    await box.press("Enter");
    await until(async () => (await shown(page)).at(-1).asked === "Gute Nacht", "the new message is shown");
    const v = await exactly(page, karez, "Du sagst: Gute Nacht.");
    assert.equal(v.version, "2/2");
    assert.equal((await shown(page)).length, 1);
    const listed = (name) => page.getByRole("navigation").getByRole("button", { name, exact: true }).waitFor();
    await listed("Gute Nacht"); // the list says what the conversation begins with now
    await page.getByRole("button", { name: "Previous version" }).click();
    await until(async () => (await shown(page))[0].asked === "Guten Tag", "the old message is shown");
    await listed("Guten Tag");
    await exactly(page, karez, "Du sagst: Guten Tag.");
    // Leaving an edit changes nothing.
    await page.locator(".asked").hover();
    await page.getByRole("button", { name: "Edit message" }).click();
    await box.fill("Doch nicht");
    await box.press("Escape");
    assert.equal((await shown(page))[0].asked, "Guten Tag");
    noComplaints(context);
  });

  test("messages written meanwhile wait for their turn, or are called off", async (t) => {
    const { karez, context, page } = await setup(t, [{ ...endless.step, when: "ohne Ende" }, { text: "Kurz: {prompt}" }]);
    await ask(page, "ohne Ende");
    await last(page, { state: "streaming" });
    await ask(page, "eins");
    await ask(page, "zwei");
    const queued = page.getByText("Waiting for the answer before it");
    await until(async () => (await queued.count()) === 2, "two wait");
    await page.locator(".turn", { hasText: "eins" }).getByRole("button", { name: "Cancel" }).press("Enter"); // the answer above moves it
    await until(async () => (await shown(page)).map((v) => v.state).join() === "streaming,cancelled,pending", "one is called off");
    await page.getByRole("button", { name: "Stop the answer" }).click();
    await until(async () => (await shown(page)).map((v) => v.state).join() === "cancelled,cancelled,completed", "all have ended");
    assert.deepEqual((await shown(page)).map((v) => v.answer).slice(1), ["", "Kurz: zwei"]);
    await exactly(page, karez, "Kurz: zwei");
    noComplaints(context);
  });

  test("a failed answer says why and can be tried again", async (t) => {
    const { karez, context, page } = await setup(t, [{ error: { code: "provider_unavailable", message: "The model is asleep.", retry: true } }]);
    await ask(page, "Zähle");
    await last(page, { state: "failed" });
    const failed = page.getByRole("group", { name: "The answer failed" });
    await failed.getByText("The model cannot be reached at the moment.").waitFor();
    assert.equal(await failed.getByText("The model is asleep.").isVisible(), false, "the operator's words are folded away");
    await failed.getByText("Details").click();
    await failed.getByText("The model is asleep. provider_unavailable").waitFor();
    await karez.kill();
    await writeFile(path.join(karez.dir, "script.jsonl"), JSON.stringify(quick.step) + "\n");
    await karez.run();
    await connected(page);
    await failed.getByRole("button", { name: "Try again" }).click();
    const v = await exactly(page, karez, quick.text);
    assert.equal(v.version, "2/2");
    noComplaints(context, { network: true });
  });

  test("what a failed try said is taken back", async (t) => {
    const { karez, context, page } = await setup(t, [
      { text: "Falsch {i}. ", repeat: 20, every: "10ms", ask: 1 },
      { wait: "3s", error: { code: "provider_broken", message: "broken", retry: true }, ask: 1 },
      quick.step,
    ]);
    await ask(page, "Zähle");
    await last(page, { has: "Falsch 19" });
    await exactly(page, karez, quick.text);
    noComplaints(context);
  });

  test("a long conversation opens at its end, and older turns come as one scrolls up", async (t) => {
    const { context, page } = await setup(t, [{ text: "Antwort auf {prompt}.\n\nMit\n\neinigen\n\nZeilen." }]);
    const all = Array.from({ length: 45 }, (_, i) => `Frage ${i}`);
    const titled = () => page.getByRole("heading", { name: "Frage 0", exact: true, level: 1 }).waitFor(); // also while its first message is not loaded
    for (const q of all) await ask(page, q);
    await until(async () => (await shown(page)).length === 45 && (await last(page)).state === "completed", "all are answered", 60_000);
    await page.reload();
    await until(async () => (await shown(page)).length >= 20, "the newest are there");
    assert.equal((await last(page)).asked, "Frage 44");
    assert.ok((await shown(page)).length < 45, "not everything at once");
    await titled();
    const list = page.locator(".list");
    const left = () => list.evaluate((el) => el.scrollHeight - el.clientHeight - el.scrollTop);
    await until(async () => (await left()) < 2, "it stands at the end");
    // Whoever reads above is not pulled down, nor moved by what comes above.
    const [turn, top] = await list.evaluate((el) => {
      el.scrollTop = 0;
      const first = document.querySelector(".turn");
      return [first.dataset.turn, first.getBoundingClientRect().top];
    });
    await until(async () => (await shown(page))[0].turn !== turn, "older turns are loaded");
    const moved = await page.locator(`[data-turn="${turn}"]`).evaluate((el, top) => el.getBoundingClientRect().top - top, top);
    assert.ok(Math.abs(moved) < 80, `what was read has moved by ${moved} pixels`); // the button above may have gone
    await page.getByRole("button", { name: "Jump to latest" }).waitFor();
    await list.hover();
    await until(async () => {
      await page.mouse.wheel(0, -1e5);
      return (await shown(page)).length === 45;
    }, "all older turns are loaded");
    assert.deepEqual((await shown(page)).map((v) => v.asked), all);
    await page.getByRole("button", { name: "Jump to latest" }).click();
    await until(async () => (await left()) < 2, "back at the end");
    noComplaints(context);
  });

  test("the view follows an answer until the reader scrolls up", async (t) => {
    const { context, page } = await setup(t, [{ text: "Zeile {i}\n\n", repeat: 400, every: "15ms" }]);
    await ask(page, "Lang");
    await last(page, { has: "Zeile 60" });
    const list = page.locator(".list");
    const left = () => list.evaluate((el) => el.scrollHeight - el.clientHeight - el.scrollTop);
    await until(async () => (await left()) < 60, "it follows");
    await list.hover();
    await page.mouse.wheel(0, -300);
    await page.getByRole("button", { name: "Jump to latest" }).waitFor();
    const top = await list.evaluate((el) => el.scrollTop);
    await last(page, { has: "Zeile 150" });
    assert.ok(Math.abs((await list.evaluate((el) => el.scrollTop)) - top) <= 300, "it was not pulled down");
    assert.ok((await left()) > 500);
    await page.getByRole("button", { name: "Jump to latest" }).click();
    await last(page, { has: "Zeile 200" });
    await until(async () => (await left()) < 60, "it follows again");
    await page.keyboard.press("Escape");
    noComplaints(context);
  });

  test("the demo answers its own suggestions, as a page and not as Markdown", async (t) => {
    const { karez, context, page } = await setup(t);
    await page.getByRole("button", { name: "What is an epoch?" }).click();
    const v = await last(page, { state: "completed" });
    assert.equal(v.asked, "What is an epoch?");
    assert.doesNotMatch(v.answer, /\*\*|^#/m);
    assert.match((await karez.turn(page, v.turn)).text, /\*\*|^#|`/m);
    noComplaints(context);
  });

  test("several conversations, each under its own address", async (t) => {
    const { karez, context, page } = await setup(t, [{ text: "Du sagst: {prompt}." }]);
    await ask(page, "Erstes Gespräch");
    await exactly(page, karez, "Du sagst: Erstes Gespräch.");
    const first = page.url();
    await page.getByRole("navigation").getByRole("button", { name: "New chat" }).click();
    await page.getByRole("heading", { name: "What would you like to know?" }).waitFor();
    await ask(page, "Zweites Gespräch");
    await exactly(page, karez, "Du sagst: Zweites Gespräch.");
    assert.notEqual(page.url(), first);
    await page.getByRole("navigation").getByRole("button", { name: "Erstes Gespräch", exact: true }).click();
    await until(async () => (await shown(page))[0]?.asked === "Erstes Gespräch", "the first is shown");
    assert.equal(page.url(), first);
    await page.goBack();
    await until(async () => (await shown(page))[0]?.asked === "Zweites Gespräch", "back leads to the second");
    noComplaints(context);
  });
});
