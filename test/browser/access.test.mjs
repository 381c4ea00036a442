// Without a mouse, without sight, on a phone, in the dark.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, describe, test } from "node:test";
import { Karez, ask, endless, exactly, last, launch, noComplaints, open, profile, shown, until } from "./harness.mjs";

const axe = await readFile(new URL("node_modules/axe-core/axe.min.js", import.meta.url), "utf8");
const rich = "# Titel\n\nEin **fetter** Satz mit `code` und [Link](https://example.com/).\n\n- eins\n- zwei\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n> Zitat\n\n```js\nlet x = 1;\n```\n";
const steps = [
  { when: "lang", ...endless.step },
  { when: "reich", text: rich },
  { when: "fehl", error: { code: "provider_rejected", message: "Das geht nicht." } },
  { when: "denk", kind: "reasoning", text: "Hm. " },
  { text: "Fertig. Es ist getan.", when: "kurz" },
];

describe("access", { concurrency: 2 }, () => {
  let browser;
  before(async () => (browser = await launch()));
  after(() => browser.close());

  // Everything that axe can tell is wrong, not only what it calls serious.
  const check = async (page, where) => {
    await page.evaluate(axe); // by the protocol, past the page's policy
    const { violations } = await page.evaluate(() => globalThis.axe.run(document));
    assert.deepEqual(violations.map((v) => `${where}: ${v.impact} ${v.id}: ${v.nodes.map((n) => n.target).join("; ")}`), []);
  };

  const by = (page) => {
    const focused = () => page.evaluate(() => document.activeElement?.getAttribute("aria-label") ?? document.activeElement?.textContent ?? "");
    const tabTo = async (name, key = "Tab") => {
      const met = [];
      for (let i = 0; i < 40; i++) {
        await page.keyboard.press(key);
        met.push(await focused());
        if (met.at(-1).startsWith(name)) return;
      }
      assert.fail(`${key} never reached ${name}: ${met.join(", ")}`);
    };
    return { focused, tabTo };
  };

  for (const colorScheme of ["light", "dark"]) {
    for (const [kind, viewport] of [["desktop", { width: 1280, height: 800 }], ["phone", { width: 375, height: 700 }]]) {
      test(`axe finds nothing wrong: ${colorScheme}, ${kind}`, async (t) => {
        const karez = await Karez.start(t, steps);
        const context = await profile(t, browser, { colorScheme, viewport, reducedMotion: "reduce" });
        const page = await open(context, karez);
        const where = `${colorScheme} ${kind}`;
        await check(page, `${where}, empty`);
        await ask(page, "reich");
        await last(page, { state: "completed" });
        await ask(page, "fehl");
        await last(page, { state: "failed" });
        await page.getByRole("button", { name: "Regenerate answer" }).first().click();
        await last(page, { state: "completed", has: "Titel" });
        await ask(page, "denk lang");
        await last(page, { state: "streaming", has: "Wort 5 " });
        await ask(page, "kurz"); // waits
        await check(page, `${where}, busy`);
        await page.keyboard.press("Control+/");
        await page.getByRole("dialog").waitFor();
        await check(page, `${where}, shortcuts`);
        await page.keyboard.press("Escape");
        if (kind === "phone") {
          await page.getByRole("button", { name: "Open the list of conversations" }).click();
          await page.getByRole("navigation").getByRole("button", { name: "New chat" }).waitFor();
          await check(page, `${where}, list`);
        }
        noComplaints(context);
      });
    }
  }

  test("by keyboard alone", async (t) => {
    const karez = await Karez.start(t, steps);
    const context = await profile(t, browser);
    const page = await open(context, karez);
    const keys = page.keyboard;
    const { focused, tabTo } = by(page);
    assert.equal(await focused(), "Message", "one can write at once");
    await keys.type("erste Zeile");
    await keys.press("Shift+Enter");
    await keys.type("kurz");
    await keys.press("Enter");
    await exactly(page, karez, "Fertig. Es ist getan.");
    assert.equal((await shown(page))[0].asked, "erste Zeile\nkurz");
    assert.equal(await focused(), "Message", "and go on writing");
    // Edit with the arrow, leave, and stand where one was.
    await keys.press("ArrowUp");
    await until(async () => (await focused()) === "Edit your message", "the edit has the focus");
    await keys.press("Escape");
    await until(async () => (await focused()) === "Edit message", "back on its button");
    await keys.press("Shift+Escape");
    await until(async () => (await focused()) === "Message", "back in the box");
    // Regenerate from the toolbar, stop with Esc.
    await tabTo("Regenerate answer", "Shift+Tab");
    await keys.press("Enter");
    await until(async () => (await shown(page)).at(-1).version === "2/2", "a second version");
    await last(page, { state: "completed" });
    assert.equal(await focused(), "Message", "and go on writing");
    // Between the versions, with the focus going along.
    await tabTo("Previous version", "Shift+Tab");
    await keys.press("Enter");
    await until(async () => (await focused()) === "Next version" && (await shown(page)).at(-1).version === "1/2", "the first version, on its own button");
    await keys.press("Enter");
    await until(async () => (await focused()) === "Previous version" && (await shown(page)).at(-1).version === "2/2", "the second, on its own button");
    await keys.press("Shift+Escape");
    await until(async () => (await focused()) === "Message", "in the box");
    await keys.type("lang");
    await keys.press("Enter");
    await last(page, { state: "streaming", has: "Wort 3 " });
    await keys.press("Escape");
    await last(page, { state: "cancelled" });
    // New chat, and back over the list.
    await keys.press("Control+Shift+O");
    await page.getByRole("heading", { name: "What would you like to know?" }).waitFor();
    await until(async () => (await focused()) === "Message", "in the box of the new one");
    await tabTo("erste Zeile");
    await keys.press("Enter");
    await until(async () => (await shown(page)).length === 2, "the first conversation is back");
    noComplaints(context);
  });

  test("the skip link leads to the box, and every focus is seen", async (t) => {
    const karez = await Karez.start(t, steps);
    const context = await profile(t, browser);
    const page = await open(context, karez);
    await by(page).tabTo("Skip to the message box");
    const skip = page.getByRole("link", { name: "Skip to the message box" });
    assert.ok(await skip.evaluate((el) => el.getBoundingClientRect().top >= 0));
    await page.keyboard.press("Enter");
    await until(() => page.getByRole("textbox", { name: "Message" }).evaluate((el) => el === document.activeElement), "the box has the focus");
    await page.getByRole("navigation").getByRole("button", { name: "New chat" }).focus();
    await page.keyboard.press("Shift+Tab");
    await page.keyboard.press("Tab");
    const outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
    assert.equal(outline, "solid");
  });

  test("a screen reader meets landmarks and hears sentences", async (t) => {
    const karez = await Karez.start(t, [{ text: "Satz {i} ist zu Ende. ", repeat: 200, every: "30ms" }]);
    const context = await profile(t, browser);
    const page = await open(context, karez);
    await page.evaluate(() => {
      globalThis.heard = [];
      new MutationObserver((ms) => {
        for (const m of ms) for (const n of m.addedNodes) globalThis.heard.push(n.textContent);
      }).observe(document.getElementById("announcer"), { childList: true });
    });
    await ask(page, "Sprich");
    await exactly(page, karez, Array.from({ length: 200 }, (_, i) => `Satz ${i} ist zu Ende. `).join(""));
    const heard = await until(async () => {
      const h = await page.evaluate(() => globalThis.heard);
      return h.at(-1) === "Answer finished." && h;
    }, "the end is told");
    assert.ok(heard.length > 2 && heard.length < 50, `${heard.length} announcements of 200 tokens`);
    for (const h of heard.slice(0, -1)) assert.match(h, /^Satz \d+ .*Ende\.$/);
    assert.equal(heard.slice(0, -1).join(" "), (await last(page)).answer, "all of it, once");
    const log = page.getByRole("log", { name: "Messages" });
    assert.equal(await log.getAttribute("aria-busy"), "false");
    assert.equal(await log.getByRole("article", { name: "Answer" }).count(), 1);
    assert.equal(await log.getByRole("article", { name: "Your message" }).count(), 1);
    for (const role of ["main", "navigation"]) assert.equal(await page.getByRole(role).count(), 1, role);
    assert.equal(await page.locator("html").getAttribute("lang"), "en");
    noComplaints(context);
  });

  test("on a phone everything fits and can be hit", async (t) => {
    const karez = await Karez.start(t, steps);
    const context = await profile(t, browser, { viewport: { width: 320, height: 640 }, hasTouch: true, isMobile: true, deviceScaleFactor: 2 });
    const page = await open(context, karez);
    const box = page.getByRole("textbox", { name: "Message" });
    await box.tap();
    await page.keyboard.type("reich");
    await page.keyboard.press("Enter"); // a new line: there is no other way to one
    assert.equal(await box.inputValue(), "reich\n");
    await page.getByRole("button", { name: "Send" }).tap();
    await last(page, { state: "completed" });
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 320, "nothing sticks out");
    const small = await page.evaluate(() => [...document.querySelectorAll("button, textarea, summary")]
      .filter((el) => el.checkVisibility({ visibilityProperty: true }))
      .map((el) => [el.getAttribute("aria-label") ?? el.textContent, el.getBoundingClientRect()])
      .filter(([, r]) => r.width < 44 || r.height < 44).map(([name, r]) => `${name}: ${r.width} × ${r.height}`));
    assert.deepEqual(small, []);
    const wide = page.locator(".prose .scroll");
    assert.match(await wide.evaluate((el) => getComputedStyle(el).backgroundAttachment), /local.*scroll/, "an edge shows that there is more");
    await page.getByRole("button", { name: "Open the list of conversations" }).tap();
    await page.getByRole("navigation").getByRole("button", { name: "New chat" }).tap();
    await page.getByRole("heading", { name: "What would you like to know?" }).waitFor();
    noComplaints(context);
  });

  test("what a model writes can do nothing but be read", async (t) => {
    const evil = '<img src=x onerror="document.title=1"><script>document.title=2</script> [klick](javascript:alert(1)) ![bild](https://example.com/x.png) [gut](https://example.com/)';
    const karez = await Karez.start(t, [{ text: evil }]);
    const context = await profile(t, browser);
    const page = await open(context, karez);
    const asked = [];
    page.on("request", (r) => asked.push(r.url()));
    await ask(page, "<b>böse</b>");
    const v = await last(page, { state: "completed" });
    assert.equal(v.asked, "<b>böse</b>");
    assert.ok(v.answer.startsWith('<img src=x onerror="document.title=1"><script>document.title=2</script> [klick](javascript:alert(1))'), v.answer);
    assert.deepEqual(await page.locator(".prose a").evaluateAll((as) => as.map((a) => [a.textContent, a.href, a.rel])), [
      ["bild", "https://example.com/x.png", "noopener noreferrer nofollow"], ["gut", "https://example.com/", "noopener noreferrer nofollow"],
    ]);
    assert.equal(await page.locator(".prose :is(img, script)").count(), 0);
    assert.deepEqual(asked.filter((u) => !u.startsWith(karez.url)), []);
    noComplaints(context);
  });
});
