// One conversation: its turns, and the box to write in.

import type { RefObject } from "preact";
import { useCallback, useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { KarezError } from "../../../client/ts/src/index.js";
import type { Conversation, ConversationState, Karez, Status, TurnView } from "../../../client/ts/src/index.js";
import { Announcer } from "./announce.js";
import { focusComposer } from "./app.js";
import { foundChat, nameChat, noteChat, titleIn, titleOf } from "./chats.js";
import { Composer } from "./composer.js";
import { Details } from "./details.js";
import { whyRefused } from "./errors.js";
import { useConversation } from "./hooks.js";
import { DownIcon, MenuIcon, PlusIcon } from "./icons.js";
import { useScroll } from "./scroll.js";
import type { Scroll } from "./scroll.js";
import { StatusDot, StatusLine } from "./status.js";
import { noteAsked, noteFirst } from "./timing.js";
import { useTitle } from "./title.js";
import { Turn } from "./turn.js";
import type { Actions } from "./turn.js";
import { isOver } from "./turn_state.js";

interface Props {
  karez: Karez;
  conversation: Conversation;
  status: Status;
  /** Something lies over it. */
  covered: boolean;
  menu: RefObject<HTMLButtonElement | null>;
  openMenu(): void;
  fresh(): void;
}

/** Something that a reader wanted and did not get. */
interface Problem {
  text: string;
  error: KarezError;
}

/** The main part of the page. */
export function Chat({ karez, conversation, status, covered, menu, openMenu, fresh }: Props) {
  const state = useConversation(conversation);
  const scroll = useScroll();
  const [editing, edit] = useState("");
  const [problem, setProblem] = useState<Problem>();
  const actions = useActions(conversation, scroll, edit, setProblem);
  // What a conversation is called is what it begins with. In a long one that
  // is not loaded; then the list knows it.
  const begins = titleOf(state.turns[0]?.prompt.text ?? "");
  const title = (state.more && titleIn(conversation.channel.name)) || begins;
  const { live, turns } = state;

  useTitle(state, title, status);
  useWaits(turns);
  useEffect(() => {
    if (!state.ready || title === "") return;
    foundChat(conversation.channel.name, title);
    if (!state.more) nameChat(conversation.channel.name, title); // its first message may have been edited
  }, [state.ready, state.more, title]);
  useEffect(() => {
    backToComposer();
  }, []);
  useEscape(live !== undefined, () => actions.stop(undefined));

  const editLast = () => {
    const last = turns.findLast((v) => v.turn !== "" && v.prompt.text);
    if (last) edit(last.key);
  };
  return (
    <main class="chat" inert={covered}>
      <header class="bar">
        <button type="button" class="quiet only-phone" ref={menu} onClick={openMenu} aria-label="Open the list of conversations"><MenuIcon /></button>
        <h1>{title || "New chat"}</h1>
        <StatusDot status={status} />
        <button type="button" class="quiet only-phone" onClick={fresh} aria-label="New chat"><PlusIcon /></button>
      </header>
      <StatusLine karez={karez} status={status} />
      <div class="list" ref={scroll.list}>
        <div class="content" ref={scroll.content}>
          {state.error && <p class="card bad" role="alert">This conversation cannot be shown. {whyRefused(state.error.code)}</p>}
          {state.error && <Details code={state.error.code} message={state.error.message} hint={state.error.hint} />}
          {state.more && <Earlier conversation={conversation} scroll={scroll} />}
          {!state.ready && turns.length === 0 && !state.error && <p class="loading">Loading the conversation…</p>}
          {state.ready && turns.length === 0 && <Welcome ask={actions.ask} />}
          <div role="log" aria-label="Messages" aria-live="off" aria-busy={live !== undefined}>
            {turns.map((v, i) => (
              <Turn
                key={v.key} view={v} actions={actions} editing={editing === v.key} last={i === turns.length - 1}
                waits={!isOver(v) && live !== undefined && live !== v}
              />
            ))}
          </div>
        </div>
      </div>
      <div class="below">
        {!scroll.pinned && (
          <button type="button" class={live ? "jump busy" : "jump"} onClick={scroll.toEnd}><DownIcon /> Jump to latest</button>
        )}
        <TypingLine state={state} status={status} />
        {problem && (
          <div class="problem">
            <p role="alert">{problem.text} <button type="button" class="link" onClick={() => setProblem(undefined)}>Dismiss</button></p>
            <Details code={problem.error.code} message={problem.error.message} hint={problem.error.hint} />
          </div>
        )}
        <Composer
          channel={conversation.channel.name} live={live !== undefined} ask={actions.ask} stop={() => actions.stop(undefined)}
          typing={() => conversation.typing()} editLast={editLast}
        />
      </div>
      <Announcer turns={turns} ready={state.ready} />
    </main>
  );
}

// The same object as long as the conversation is the same: turns that have
// not changed are not drawn again.
function useActions(conversation: Conversation, scroll: Scroll, edit: (key: string) => void, problem: (p: Problem | undefined) => void): Actions {
  const made = useRef<Actions>(undefined);
  const attempt = (what: string, p: Promise<unknown>) => {
    problem(undefined);
    p.catch((e: unknown) => {
      const error = e instanceof KarezError ? e : new KarezError({ code: "internal", message: String(e) });
      problem({ text: `${what}. ${whyRefused(error.code)}`, error });
    });
  };
  const sent = (message: string) => {
    noteAsked(message);
    scroll.toEnd();
  };
  return (made.current ??= {
    ask(text) {
      noteChat(conversation.channel.name, text);
      sent(conversation.send(text));
      scroll.toEnd();
    },
    edit(v, text) {
      edit("");
      sent(conversation.edit(v.turn, text));
      focusComposer();
    },
    regenerate(v) {
      sent(conversation.regenerate(v.turn));
      backToComposer();
    },
    stop: (v) => attempt("The answer could not be stopped", conversation.stop(v)),
    choose: (turn, way) => attempt("That answer could not be loaded", conversation.choose(turn).then(() => refocus(turn, way))),
    resend(v) {
      conversation.resend(v.key);
      backToComposer();
    },
    discard(v) {
      conversation.discard(v.key);
      backToComposer();
    },
    beginEdit: (v) => edit(v.key),
    endEdit: () => edit(""),
  });
}

// What had the focus is gone, and one goes on writing; on a phone that would
// open the keyboard unasked.
function backToComposer(): void {
  if (!matchMedia("(pointer: coarse)").matches) focusComposer();
}

// The version shown now has buttons of its own: the focus goes over to them.
function refocus(turn: string, way: string): void {
  requestAnimationFrame(() => {
    if (document.activeElement !== document.body) return;
    const buttons = [...document.querySelectorAll<HTMLButtonElement>(`[data-turn="${CSS.escape(turn)}"] .branches button:not(:disabled)`)];
    (buttons.find((b) => b.dataset["way"] === way) ?? buttons[0])?.focus();
  });
}

// Notes when the first token of what was asked here came.
function useWaits(turns: readonly TurnView[]): void {
  useLayoutEffect(() => {
    for (const v of turns) if (v.parts.length > 0 && v.prompt.message) noteFirst(v.prompt.message, v.turn);
  }, [turns]);
}

function useEscape(on: boolean, stop: () => void): void {
  useEffect(() => {
    if (!on) return;
    const pressed = (e: KeyboardEvent) => {
      if (e.key !== "Escape" || e.shiftKey || e.defaultPrevented || e.isComposing || document.querySelector("dialog[open]")) return;
      e.preventDefault();
      stop();
    };
    addEventListener("keydown", pressed);
    return () => removeEventListener("keydown", pressed);
  }, [on]);
}

// Loads older turns when it comes into sight, or by a press.
function Earlier({ conversation, scroll }: { conversation: Conversation; scroll: Scroll }) {
  const button = useRef<HTMLButtonElement>(null);
  const [busy, setBusy] = useState(false);
  const [failed, setFailed] = useState(false);
  const load = useCallback(async () => {
    setBusy(true);
    setFailed(false);
    try {
      await conversation.loadMore();
      scroll.hold();
    } catch {
      setFailed(true);
    } finally {
      setBusy(false);
    }
  }, [conversation]);
  useEffect(() => {
    if (busy || failed) return;
    const seen = new IntersectionObserver((es) => {
      if (es.some((e) => e.isIntersecting)) void load();
    }, { root: scroll.list.current, rootMargin: "200px 0px 0px" });
    seen.observe(button.current!);
    return () => seen.disconnect();
  }, [busy, failed]);
  return (
    <button type="button" class="earlier" ref={button} onClick={() => void load()} disabled={busy}>
      {busy ? "Loading earlier messages…" : failed ? "Earlier messages could not be loaded. Try again" : "Show earlier messages"}
    </button>
  );
}

const suggestions = ["How does a client resume after a lost connection?", "What happens when a worker dies in the middle of an answer?", "What is an epoch?"];

function Welcome({ ask }: { ask(text: string): void }) {
  return (
    <div class="welcome">
      <h2>What would you like to know?</h2>
      <ul>{suggestions.map((s) => <li key={s}><button type="button" onClick={() => (ask(s), focusComposer())}>{s}</button></li>)}</ul>
    </div>
  );
}

function TypingLine({ state, status }: { state: ConversationState; status: Status }) {
  const me = status.state === "open" ? status.user : "";
  const others = state.typing.filter((u) => u !== me).length;
  const text = others > 1 ? `${others} people are typing…` : others === 1 ? "Somebody is typing…" : state.typing.length > 0 ? "You are typing in another window…" : "";
  return <p class="typing" role="status">{text}</p>;
}
