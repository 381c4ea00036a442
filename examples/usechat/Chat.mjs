// A chat that survives a reload, a lost network and a restarted server. Only
// the address and the two functions below are Karez's.

import { useChat } from "@ai-sdk/react";
import { DefaultChatTransport } from "ai";
import { createElement as h, useEffect, useMemo, useState } from "react";

/** The finished part of a conversation, as useChat wants it. What still runs comes by resume. */
export async function history(server, id, headers) {
  const res = await fetch(`${server}/v1/channels/${encodeURIComponent(id)}/history`, { headers });
  if (res.status === 404) return [];
  if (!res.ok) throw new Error(await res.text());
  return (await res.json()).turns.flatMap((t) => [
    { id: t.prompt.message, role: "user", parts: [{ type: "text", text: t.prompt.text }] },
    ...(["pending", "streaming"].includes(t.state)
      ? []
      : [{ id: t.turn, role: "assistant", parts: (t.parts ?? []).filter((p) => p.kind === "text").map((p) => ({ type: "text", text: p.text })) }]),
  ]);
}

/** Stops the answer, on whatever device it was asked for; closing the page does not. */
export const stop = (server, id, messageId, headers) =>
  fetch(`${server}/api/chat/${encodeURIComponent(id)}/stop`, { method: "POST", headers, body: JSON.stringify({ messageId }) });

export function Chat({ server, id, headers, messages: before }) {
  const transport = useMemo(() => new DefaultChatTransport({ api: `${server}/api/chat`, headers }), [server, headers]);
  const { messages, status, error, sendMessage, regenerate, resumeStream } = useChat({ id, transport, messages: before });
  const [text, setText] = useState("");
  useEffect(() => void resumeStream(), [id]);
  const send = (e) => {
    e.preventDefault();
    sendMessage({ text });
    setText("");
  };
  const last = messages.at(-1);
  return h("main", null,
    messages.map((m) => h("p", { key: m.id, className: m.role }, m.parts.map((p) => (p.type === "text" ? p.text : "")).join(""))),
    error && h("p", { role: "alert" }, error.message, h("button", { onClick: () => resumeStream() }, "Go on")),
    status === "ready"
      ? last?.role === "assistant" && h("button", { onClick: () => regenerate() }, "Again")
      : h("button", { onClick: () => stop(server, id, last?.role === "assistant" ? last.id : undefined, headers) }, "Stop"),
    h("form", { onSubmit: send }, h("input", { value: text, onChange: (e) => setText(e.target.value) }), h("button", null, "Send")),
  );
}
