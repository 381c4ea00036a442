// The WebSocket link: one socket, JSON frames both ways.

import type { Env, Socket } from "./env.js";
import { KarezError, asKarezError } from "./errors.js";
import { lost } from "./link.js";
import type { Link, LinkHost } from "./link.js";
import { decode } from "./wire.js";
import type { Command } from "./wire.js";

// What the server's close codes mean, for a close without a bye frame.
const closeCodes: { readonly [code: number]: string } = { 1012: "draining", 4401: "unauthorized", 4403: "forbidden", 4408: "expired" };

/** Opens a socket and says hello with the token. */
export function openSocket(env: Env, url: string, token: string, client: string, host: LinkHost): Link {
  let over = false;
  let socket: Socket | undefined;
  const down = (e: KarezError) => {
    if (over) return;
    over = true;
    host.down(e);
  };
  const send = (c: Command) => {
    try {
      socket?.send(JSON.stringify(c));
    } catch (e) {
      down(lost("the WebSocket cannot send", e));
    }
  };
  try {
    if (!env.WebSocket) throw new Error("there is no WebSocket here");
    socket = new env.WebSocket(url, ["karez.v1.json"]);
  } catch (e) {
    queueMicrotask(() => down(lost("the WebSocket could not be opened", e)));
  }
  if (socket) {
    socket.onopen = () => {
      if (!over) send({ type: "hello", client, ...(token && { token }) });
    };
    socket.onmessage = (ev: { data: unknown }) => {
      if (over) return;
      host.heard();
      try {
        const f = decode(String(ev.data));
        host.frame(f);
      } catch (e) {
        socket!.close();
        down(e instanceof SyntaxError ? new KarezError({ code: "bad_frame", message: e.message }) : asKarezError(e));
      }
    };
    socket.onerror = () => {}; // a close follows, and says more
    socket.onclose = (ev: { code: number; reason: string }) => {
      const code = closeCodes[ev.code];
      down(code ? new KarezError({ code, message: ev.reason || code }) : lost(`the WebSocket closed (${ev.code})`));
    };
  }
  return {
    transport: "ws",
    send,
    probe() {
      send({ type: "ping" });
      return true;
    },
    close() {
      over = true;
      try {
        socket?.close(1000);
      } catch {
        // It never opened.
      }
    },
  };
}
