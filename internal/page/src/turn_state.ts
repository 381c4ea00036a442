// What the page asks of a turn's state.

import type { TurnView } from "../../../client/ts/src/index.js";

/** Nothing more comes of it. */
export function isOver(v: TurnView): boolean {
  return v.state === "completed" || v.state === "cancelled" || v.state === "failed" || v.state === "unsent";
}

/** The answer's main text, as the model wrote it. */
export function textOfView(v: TurnView): string {
  return v.parts.filter((p) => p.kind === "text").map((p) => p.text ?? "").join("\n\n");
}
