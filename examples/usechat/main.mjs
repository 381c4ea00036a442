import { createElement } from "react";
import { createRoot } from "react-dom/client";
import { Chat, history } from "./Chat.mjs";

// `karez dev` knows a browser by its cookie; elsewhere a token of yours goes into headers.
const server = "";
const { token } = await (await fetch(`${server}/v1/dev/token`)).json();
const headers = { Authorization: `Bearer ${token}` };
const id = (location.hash ||= crypto.randomUUID()).slice(1);
createRoot(document.body.appendChild(document.createElement("div"))).render(createElement(Chat, { server, id, headers, messages: await history(server, id, headers) }));
