// The frame: which conversation is shown, the list beside it, the shortcuts.

import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Karez } from "../../../client/ts/src/index.js";
import { Chat } from "./chat.js";
import { chats, freshChannel } from "./chats.js";
import { Help } from "./help.js";
import { useStatus } from "./hooks.js";
import { Sidebar } from "./sidebar.js";

const lastKey = "karez.last";

/** The whole page. */
export function App({ karez }: { karez: Karez }) {
  const [channel, show] = useState(start);
  const [drawer, setDrawer] = useState(false); // on a phone the list lies over the page
  const help = useRef<HTMLDialogElement>(null);
  const menu = useRef<HTMLButtonElement>(null);
  const status = useStatus(karez);

  useEffect(() => {
    const changed = () => show(addressed() ?? freshChannel());
    addEventListener("hashchange", changed);
    return () => removeEventListener("hashchange", changed);
  }, []);
  useEffect(() => {
    if (addressed() !== channel) history.replaceState(null, "", addressOf(channel));
    remember(channel);
  }, [channel]);

  const conversation = useMemo(() => karez.conversation(channel, { limit: 20, ...keep() }), [channel]);
  useEffect(() => () => conversation.close(), [conversation]);

  const closeDrawer = (back: boolean) => {
    setDrawer(false);
    if (back) menu.current?.focus();
  };
  const open = (to: string) => {
    setDrawer(false);
    if (to !== channel) location.hash = addressOf(to);
    focusComposer();
  };
  useShortcuts({
    fresh: () => open(freshChannel()),
    help: () => help.current?.showModal(),
    closeDrawer: drawer ? () => closeDrawer(true) : undefined,
  });

  return (
    <div class={drawer ? "frame drawn" : "frame"}>
      <a class="skip" href="#composer" onClick={(e) => (e.preventDefault(), focusComposer())}>Skip to the message box</a>
      <Sidebar channel={channel} open={open} drawer={drawer} close={() => closeDrawer(true)} help={() => help.current?.showModal()} />
      {drawer && <div class="veil" onClick={() => closeDrawer(true)} />}
      <Chat
        key={channel} karez={karez} conversation={conversation} status={status} covered={drawer}
        menu={menu} openMenu={() => setDrawer(true)} fresh={() => open(freshChannel())}
      />
      <Help dialog={help} />
    </div>
  );
}

/** Puts the cursor into the message box, once it is there. */
export function focusComposer(): void {
  requestAnimationFrame(() => document.getElementById("composer")?.focus());
}

function useShortcuts(do_: { fresh(): void; help(): void; closeDrawer: (() => void) | undefined }): void {
  const now = useRef(do_);
  now.current = do_;
  useEffect(() => {
    const pressed = (e: KeyboardEvent) => {
      const mod = e.ctrlKey || e.metaKey;
      if (mod && e.shiftKey && e.key.toLowerCase() === "o") now.current.fresh();
      else if (mod && e.key === "/") now.current.help();
      else if (e.shiftKey && e.key === "Escape") focusComposer();
      else if (e.key === "Escape" && now.current.closeDrawer) now.current.closeDrawer();
      else return;
      e.preventDefault();
      e.stopImmediatePropagation();
    };
    addEventListener("keydown", pressed, true);
    return () => removeEventListener("keydown", pressed, true);
  }, []);
}

function addressOf(channel: string): string {
  return "#" + encodeURIComponent(channel).replaceAll("%3A", ":");
}

/** The conversation that the address names. */
function addressed(): string | undefined {
  try {
    const name = decodeURIComponent(location.hash.slice(1));
    return name.startsWith("chat:") && name.length <= 200 ? name : undefined;
  } catch {
    return undefined;
  }
}

// A reload shows what was shown; a fresh tab the newest conversation.
function start(): string {
  return addressed() ?? recall() ?? freshChannel();
}

function recall(): string | undefined {
  try {
    return sessionStorage.getItem(lastKey) ?? chats()[0]?.channel;
  } catch {
    return undefined;
  }
}

function remember(channel: string): void {
  try {
    sessionStorage.setItem(lastKey, channel);
  } catch {
    // The address says it too.
  }
}

// Where prompts wait for their acknowledgement: each tab's own.
function keep(): { storage?: Storage } {
  try {
    return { storage: sessionStorage };
  } catch {
    return {};
  }
}
