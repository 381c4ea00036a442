// The box to write in. What stands in it survives a reload.

import { useEffect, useRef, useState } from "preact/hooks";
import { SendIcon, StopIcon } from "./icons.js";

interface Props {
  channel: string;
  /** An answer is on its way. */
  live: boolean;
  ask(text: string): void;
  stop(): void;
  typing(): void;
  editLast(): void;
}

/** The message box with its buttons. */
export function Composer({ channel, live, ask, stop, typing, editLast }: Props) {
  const box = useRef<HTMLTextAreaElement>(null);
  const [text, setText] = useState(() => load(channel));
  useEffect(() => grow(box.current!), [text]);

  const set = (s: string) => {
    setText(s);
    save(channel, s);
  };
  const send = () => {
    const message = (box.current?.value ?? text).trim();
    if (message === "") return;
    ask(message);
    set("");
    box.current?.focus();
  };
  const pressed = (e: KeyboardEvent) => {
    if (e.isComposing || e.keyCode === 229) return; // an input method's Enter chooses a word
    if (e.key === "Enter" && !e.shiftKey && !touch()) send();
    else if (e.key === "ArrowUp" && text === "") editLast();
    else return;
    e.preventDefault();
  };
  return (
    <form class="composer" onSubmit={(e) => (e.preventDefault(), send())}>
      <textarea
        id="composer" ref={box} value={text} rows={1} aria-label="Message" placeholder={live ? "Write the next message…" : "Ask anything…"}
        enterkeyhint="enter" autocomplete="off" onKeyDown={pressed} maxLength={200_000}
        onInput={(e) => {
          set(e.currentTarget.value);
          if (e.currentTarget.value !== "") typing();
        }}
      />
      {live && <button type="button" class="round stop" onClick={stop} aria-label="Stop the answer" title="Stop (Esc)"><StopIcon /></button>}
      <button type="submit" class="round main" disabled={text.trim() === ""} aria-label={live ? "Send after this answer" : "Send"} title="Send (Enter)"><SendIcon /></button>
    </form>
  );
}

/** Makes a box as high as its text, within what the style allows. */
export function grow(el: HTMLTextAreaElement): void {
  el.style.height = "auto";
  el.style.height = `${el.scrollHeight + el.offsetHeight - el.clientHeight}px`;
}

// On a touch screen Enter is the only way to a new line.
function touch(): boolean {
  return matchMedia("(hover: none) and (pointer: coarse)").matches;
}

function load(channel: string): string {
  try {
    return sessionStorage.getItem(`karez.draft.${channel}`) ?? "";
  } catch {
    return "";
  }
}

function save(channel: string, text: string): void {
  try {
    if (text === "") sessionStorage.removeItem(`karez.draft.${channel}`);
    else sessionStorage.setItem(`karez.draft.${channel}`, text);
  } catch {
    // Lost with the page.
  }
}
