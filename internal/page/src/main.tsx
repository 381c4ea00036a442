// The chat page of `karez dev`: what a chat product would show, over the
// TypeScript client alone. Read app.tsx, chat.tsx, turn.tsx, then the rest.

import { render } from "preact";
import { Karez, KarezError } from "../../../client/ts/src/index.js";
import { App } from "./app.js";

/** The development server gives each browser a user of its own. */
async function token(): Promise<string> {
  const res = await fetch("/v1/dev/token", { cache: "no-store" });
  if (!res.ok) throw new KarezError({ code: "connect", message: `The server answered HTTP ${res.status} when asked for a token.` });
  return ((await res.json()) as { token: string }).token;
}

const karez = new Karez({ token });
render(<App karez={karez} />, document.getElementById("app")!);
