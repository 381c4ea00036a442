// useChat of each version, unmodified, in a DOM: a reload in the middle of an
// answer, stop, regenerate, and a tool that the page runs.

import assert from "node:assert/strict";
import { test } from "node:test";
import { JSDOM } from "jsdom";
import { endless, fresh, Karez, said, until, words } from "./harness.mjs";

const dom = new JSDOM("<!doctype html><body></body>", { url: "http://localhost/" });
for (const name of ["window", "document", "navigator"]) Object.defineProperty(globalThis, name, { value: dom.window[name], configurable: true });
const React = await import("react");
const { createRoot } = await import("react-dom/client");

const versions = {
  5: [await import("@ai-sdk/react5"), await import("ai5")],
  6: [await import("@ai-sdk/react6"), await import("ai6")],
  7: [await import("@ai-sdk/react"), await import("ai")],
};

/** Mounts a page with useChat and returns what it last rendered with. */
function page(t, [react, sdk], karez, options) {
  const seen = {};
  const transport = new sdk.DefaultChatTransport({ api: `${karez.url}/api/chat` });
  function Chat() {
    Object.assign(seen, react.useChat({ transport, ...options(sdk) }));
    return null;
  }
  const root = createRoot(document.body.appendChild(document.createElement("div")));
  root.render(React.createElement(Chat));
  let mounted = true;
  seen.leave = () => mounted && ((mounted = false), root.unmount());
  t.after(seen.leave);
  return until(() => seen.sendMessage && seen, "useChat is there");
}

const answer = (p) => p.messages.findLast((m) => m.role === "assistant");

for (const [version, lib] of Object.entries(versions)) {
  test(`useChat ${version}: a page that is left and opened again in the middle`, async (t) => {
    const w = words(200, "5ms");
    const karez = await Karez.start(t, [w.step, { end: "stop" }]);
    const id = fresh("page");
    const before = await page(t, lib, karez, () => ({ id }));
    before.sendMessage({ text: "hi" });
    await until(() => answer(before) && said(answer(before)).includes("Wort 10 "), "some of the answer");
    const [question, half] = structuredClone(before.messages);
    before.leave();
    const after = await page(t, lib, karez, () => ({ id, messages: [question], resume: true }));
    await until(() => after.status === "ready" && answer(after), "the whole answer");
    assert.equal(after.error, undefined);
    assert.equal(after.messages.length, 2);
    assert.equal(answer(after).id, half.id);
    assert.equal(said(answer(after)), w.text);
    assert.equal((await karez.ended(id, half.id, "completed")).text, w.text);
  });

  test(`useChat ${version}: stop, then regenerate`, async (t) => {
    const karez = await Karez.start(t, [endless.step]);
    const id = fresh("page");
    const p = await page(t, lib, karez, () => ({ id }));
    p.sendMessage({ text: "hi" });
    await until(() => answer(p) && said(answer(p)).includes("Wort 3 "), "some of the answer");
    const first = answer(p).id;
    await fetch(`${karez.url}/api/chat/${id}/stop`, { method: "POST", body: JSON.stringify({ messageId: first }) });
    await until(() => p.status === "ready", "it is stopped");
    assert.equal((await karez.ended(id, first, "cancelled")).text, said(answer(p)));
    p.regenerate();
    await until(() => answer(p) && answer(p).id !== first && said(answer(p)).includes("Wort 3 "), "another answer");
    assert.equal((await karez.turn(id, answer(p).id)).prompt.supersedes, first);
    await fetch(`${karez.url}/api/chat/${id}/stop`, { method: "POST" });
    await until(() => p.status === "ready", "it is stopped");
  });

  test(`useChat ${version}: a tool that the page runs`, async (t) => {
    const karez = await Karez.start(t, [
      { kind: "tool", part: "c1", name: "clock", when: "What" }, { kind: "tool_input", part: "c1", name: "clock", data: {}, when: "What" }, { end: "tool_calls", when: "What" },
      { text: "It is noon 🕛." },
    ]);
    const id = fresh("page");
    const p = await page(t, lib, karez, (sdk) => ({
      id,
      sendAutomaticallyWhen: sdk.lastAssistantMessageIsCompleteWithToolCalls,
      onToolCall: ({ toolCall }) => void (p.addToolOutput ?? p.addToolResult)({ tool: toolCall.toolName, toolCallId: toolCall.toolCallId, output: "noon" }),
    }));
    p.sendMessage({ text: "What time is it?" });
    await until(() => p.status === "ready" && p.messages.length > 1 && said(answer(p)), "the answer");
    assert.equal(p.error, undefined);
    assert.deepEqual(p.messages.map((m) => m.role), ["user", "assistant"]);
    assert.equal(said(answer(p)), "It is noon 🕛.");
    const history = (await karez.api(`/v1/channels/${id}/history`)).turns;
    assert.equal(history.length, 2);
    assert.equal(history[0].turn, answer(p).id);
  });
}
