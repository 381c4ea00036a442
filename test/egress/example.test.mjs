// examples/usechat as it is, in a DOM.

import assert from "node:assert/strict";
import { copyFile, mkdtemp, rm } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";
import { JSDOM } from "jsdom";
import { fresh, Karez, until, words } from "./harness.mjs";

const dom = new JSDOM("<!doctype html><body></body>", { url: "http://localhost/" });
for (const name of ["window", "document", "navigator"]) Object.defineProperty(globalThis, name, { value: dom.window[name], configurable: true });

test("examples/usechat: ask, reload in the middle, stop", async (t) => {
  const dir = await mkdtemp(path.join(import.meta.dirname, ".example-")); // where the packages are found
  t.after(() => rm(dir, { recursive: true }));
  await copyFile(path.join(import.meta.dirname, "../../examples/usechat/Chat.mjs"), path.join(dir, "Chat.mjs"));
  const { Chat, history } = await import(path.join(dir, "Chat.mjs"));
  const { createElement } = await import("react");
  const { createRoot } = await import("react-dom/client");

  const karez = await Karez.start(t, [{ ...words(20_000, "10ms").step, when: "long" }, { text: "Short." }]);
  const { token } = await (await fetch(`${karez.url}/v1/dev/token`)).json();
  const props = { server: karez.url, id: fresh("example"), headers: { Authorization: `Bearer ${token}` } };
  const open = async () => {
    const root = createRoot(document.body.appendChild(document.createElement("div")));
    root.render(createElement(Chat, { ...props, messages: await history(props.server, props.id, props.headers) }));
    await until(() => document.querySelector("input"), "the page");
    t.after(() => root.unmount());
    return root;
  };
  const shown = () => [...document.querySelectorAll("p")].map((p) => p.textContent);
  const ask = (text) => {
    const input = document.querySelector("input");
    Object.getOwnPropertyDescriptor(dom.window.HTMLInputElement.prototype, "value").set.call(input, text);
    input.dispatchEvent(new dom.window.Event("input", { bubbles: true }));
    return until(() => input.value === text, "the text").then(() => [...document.querySelectorAll("button")].at(-1).click());
  };
  const button = (name) => [...document.querySelectorAll("button")].find((b) => b.textContent === name);

  const page = await open();
  await ask("short");
  await until(() => shown()[1] === "Short.", "the answer");
  await until(() => button("Again"), "it is over");
  await ask("long");
  await until(() => shown()[3]?.includes("Wort 5 "), "some of the answer");
  page.unmount();
  document.body.replaceChildren();
  await open();
  await until(() => shown()[3]?.includes("Wort 20 "), "more of the answer");
  assert.deepEqual(shown().slice(0, 3), ["short", "Short.", "long"]);
  button("Stop").click();
  await until(() => button("Again"), "it is stopped");
  const [, last] = (await karez.api(`/v1/channels/${props.id}/history`)).turns;
  assert.equal(last.state, "cancelled");
  assert.equal(shown()[3], last.parts.map((p) => p.text).join(""));
});
