// The list of conversations.

import { useEffect, useRef, useState } from "preact/hooks";
import { chats, forgetChat, freshChannel, onChats } from "./chats.js";
import type { Chat } from "./chats.js";
import { CloseIcon, KeysIcon, Logo, PlusIcon } from "./icons.js";

interface Props {
  channel: string;
  open(channel: string): void;
  /** It lies over the page. */
  drawer: boolean;
  close(): void;
  help(): void;
}

/** The list beside, or on a phone over, the conversation. */
export function Sidebar({ channel, open, drawer, close, help }: Props) {
  const [list, set] = useState(chats);
  const first = useRef<HTMLButtonElement>(null);
  useEffect(() => onChats(() => set(chats())), []);
  useEffect(() => {
    if (drawer) first.current?.focus();
  }, [drawer]);
  const remove = (c: Chat) => {
    forgetChat(c.channel);
    if (c.channel === channel) open(freshChannel());
  };
  return (
    <nav class="sidebar" aria-label="Conversations">
      <div class="brand">
        <Logo />
        <span>Karez</span>
        <button type="button" class="quiet only-drawer" onClick={close} aria-label="Close the list"><CloseIcon /></button>
      </div>
      <button type="button" class="fresh" ref={first} onClick={() => open(freshChannel())}><PlusIcon /> New chat</button>
      {list.length === 0
        ? <p class="none">Your conversations will be listed here.</p>
        : <ul class="chats">{list.map((c) => <Entry key={c.channel} chat={c} here={c.channel === channel} open={open} remove={remove} />)}</ul>}
      <button type="button" class="keys" onClick={help}><KeysIcon /> Keyboard shortcuts</button>
    </nav>
  );
}

function Entry({ chat, here, open, remove }: { chat: Chat; here: boolean; open(channel: string): void; remove(c: Chat): void }) {
  return (
    <li class={here ? "here" : ""}>
      <button type="button" class="chat-name" aria-current={here ? "page" : undefined} title={chat.title} onClick={() => open(chat.channel)}>{chat.title}</button>
      <button type="button" class="quiet chat-remove" aria-label={`Remove “${chat.title}” from the list`} title="Remove from the list" onClick={() => remove(chat)}><CloseIcon /></button>
    </li>
  );
}
