// What the keys do.

import type { RefObject } from "preact";
import { CloseIcon } from "./icons.js";

const keys: readonly (readonly [string, string])[] = [
  ["Enter", "send the message; on a touch screen, a new line"],
  ["Shift + Enter", "a new line"],
  ["Esc", "stop the answer; leave an edit"],
  ["↑ in an empty box", "edit your last message"],
  ["Shift + Esc", "go to the message box"],
  ["Ctrl or ⌘ + Shift + O", "new chat"],
  ["Ctrl or ⌘ + /", "this list"],
];

/** The list of shortcuts. */
export function Help({ dialog }: { dialog: RefObject<HTMLDialogElement | null> }) {
  return (
    <dialog ref={dialog} class="help" aria-labelledby="help-title">
      <div class="help-head">
        <h2 id="help-title">Keyboard shortcuts</h2>
        <button type="button" class="quiet" aria-label="Close" onClick={() => dialog.current?.close()}><CloseIcon /></button>
      </div>
      <dl>{keys.map(([key, what]) => <div key={key}><dt><kbd>{key}</kbd></dt><dd>{what}</dd></div>)}</dl>
    </dialog>
  );
}
