// One turn: what was asked, and the answer.

import { Component } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { TurnView } from "../../../client/ts/src/index.js";
import { Parts } from "./parts.js";
import { AgainIcon, EditIcon, LeftIcon, RightIcon } from "./icons.js";
import { CopyButton } from "./markdown_view.js";
import { grow } from "./composer.js";
import { seconds, waitOf } from "./timing.js";
import { Details } from "./details.js";
import { whyFailed, whyRefused } from "./errors.js";
import { isOver, textOfView } from "./turn_state.js";

/** What a reader can do with turns. */
export interface Actions {
  ask(text: string): void;
  edit(v: TurnView, text: string): void;
  regenerate(v: TurnView): void;
  /** Without a turn: the one that runs. */
  stop(v: TurnView | undefined): void;
  /** Shows another version; way is the button that was pressed. */
  choose(turn: string, way: string): void;
  resend(v: TurnView): void;
  discard(v: TurnView): void;
  beginEdit(v: TurnView): void;
  endEdit(): void;
}

interface Props {
  view: TurnView;
  actions: Actions;
  editing: boolean;
  last: boolean;
  /** Another turn comes first. */
  waits: boolean;
}

/** A turn; not drawn again unless something about it changed. */
export class Turn extends Component<Props> {
  override shouldComponentUpdate(next: Props): boolean {
    const p = this.props;
    return p.view !== next.view || p.editing !== next.editing || p.last !== next.last || p.waits !== next.waits;
  }

  override render({ view, actions, editing, last, waits }: Props) {
    return (
      <div class={last ? "turn last" : "turn"} data-state={view.state} data-turn={view.turn}>
        <article class="asked" aria-label="Your message">
          <h2 class="sr">You asked</h2>
          {editing ? <Edit view={view} actions={actions} /> : <Asked view={view} actions={actions} />}
        </article>
        {view.state === "unsent" ? <Unsent view={view} actions={actions} /> : <Answer view={view} actions={actions} waits={waits} />}
      </div>
    );
  }
}

function Asked({ view, actions }: { view: TurnView; actions: Actions }) {
  const files = view.prompt.content ?? [];
  const button = useRef<HTMLButtonElement>(null);
  return (
    <>
      {files.length > 0 && <ul class="files">{files.map((c, i) => <li key={i}>{c.type === "text" ? c.text : c.name ?? c.type}</li>)}</ul>}
      {view.prompt.text && <div class="bubble">{view.prompt.text}</div>}
      {view.turn !== "" && view.prompt.text && (
        <div class="tools">
          <button type="button" class="quiet" ref={button} data-edit={view.key} onClick={() => actions.beginEdit(view)} aria-label="Edit message" title="Edit message"><EditIcon /></button>
        </div>
      )}
    </>
  );
}

function Edit({ view, actions }: { view: TurnView; actions: Actions }) {
  const box = useRef<HTMLTextAreaElement>(null);
  const [text, set] = useState(view.prompt.text ?? "");
  useEffect(() => {
    const el = box.current!;
    grow(el);
    el.focus();
    el.setSelectionRange(el.value.length, el.value.length);
    el.scrollIntoView({ block: "nearest" });
  }, []);
  const leave = () => {
    actions.endEdit();
    requestAnimationFrame(() => document.querySelector<HTMLElement>(`[data-edit="${CSS.escape(view.key)}"]`)?.focus());
  };
  const submit = () => {
    if (text.trim() !== "") actions.edit(view, text.trim());
  };
  const pressed = (e: KeyboardEvent) => {
    if (e.isComposing) return;
    if (e.key === "Escape") leave();
    else if (e.key === "Enter" && !e.shiftKey) submit();
    else return;
    e.preventDefault();
    e.stopPropagation();
  };
  return (
    <form class="edit" onSubmit={(e) => (e.preventDefault(), submit())}>
      <textarea ref={box} aria-label="Edit your message" value={text} rows={1} onKeyDown={pressed}
        onInput={(e) => (set(e.currentTarget.value), grow(e.currentTarget))} />
      <div class="edit-tools">
        <button type="button" onClick={leave}>Cancel</button>
        <button type="submit" class="main" disabled={text.trim() === ""}>Send</button>
      </div>
    </form>
  );
}

function Unsent({ view, actions }: { view: TurnView; actions: Actions }) {
  return (
    <div class="card bad" role="group" aria-label="Message not sent">
      <p><strong>Not sent.</strong> {whyRefused(view.error?.code)}</p>
      <Details code={view.error?.code} message={view.error?.message} hint={view.error?.hint} />
      <div class="card-tools">
        <button type="button" class="main" onClick={() => actions.resend(view)}>Send again</button>
        <button type="button" onClick={() => actions.discard(view)}>Discard</button>
      </div>
    </div>
  );
}

function Answer({ view, actions, waits }: { view: TurnView; actions: Actions; waits: boolean }) {
  const over = isOver(view);
  const empty = view.parts.length === 0;
  return (
    <article class="answer" aria-label="Answer" aria-busy={!over}>
      <h2 class="sr">Answer</h2>
      {!empty && <Parts parts={view.parts} live={!over} />}
      {!over && (waits ? <Queued view={view} actions={actions} /> : empty ? <Thinking state={view.state} /> : view.state === "suspended" ? <p class="note">Waiting for a person to decide…</p> : null)}
      {view.state === "cancelled" && <p class="note">{empty ? "Stopped before the answer began." : "Stopped."}</p>}
      {view.state === "failed" && <Failed view={view} actions={actions} />}
      <div class="tools">
        {view.branches.length > 1 && <Branches view={view} choose={actions.choose} />}
        {over && !empty && <CopyButton text={() => textOfView(view)} label="Copy answer" />}
        {over && view.turn !== "" && <button type="button" class="quiet" onClick={() => actions.regenerate(view)} aria-label="Regenerate answer" title="Regenerate answer"><AgainIcon /></button>}
        <Facts view={view} />
      </div>
    </article>
  );
}

function Queued({ view, actions }: { view: TurnView; actions: Actions }) {
  return (
    <p class="note">
      {view.state === "sending" ? "Will be sent…" : "Waiting for the answer before it…"}{" "}
      <button type="button" class="link" onClick={() => actions.stop(view)}>Cancel</button>
    </p>
  );
}

function Thinking({ state }: { state: TurnView["state"] }) {
  return <p class="thinking"><span class="dots" aria-hidden="true"><i /><i /><i /></span><span class="thinking-word">{state === "sending" ? "Sending…" : "Waiting for the first token…"}</span></p>;
}

function Failed({ view, actions }: { view: TurnView; actions: Actions }) {
  const f = view.failure;
  return (
    <div class="card bad" role="group" aria-label="The answer failed">
      <p><strong>The answer failed.</strong> {whyFailed(f?.code)}</p>
      <Details code={f?.code} message={f?.message} />
      {f?.retryable && <div class="card-tools"><button type="button" class="main" onClick={() => actions.regenerate(view)}>Try again</button></div>}
    </div>
  );
}

function Branches({ view, choose }: { view: TurnView; choose(turn: string, way: string): void }) {
  const at = view.branches.indexOf(view.turn);
  const n = view.branches.length;
  const go = (to: number, way: string) => choose(view.branches[to]!, way);
  return (
    <div class="branches" role="group" aria-label="Versions of this answer">
      <button type="button" class="quiet" disabled={at <= 0} data-way="back" onClick={() => go(at - 1, "back")} aria-label="Previous version"><LeftIcon /></button>
      <span aria-label={`Version ${at + 1} of ${n}`} role="img">{at + 1}/{n}</span>
      <button type="button" class="quiet" disabled={at >= n - 1} data-way="on" onClick={() => go(at + 1, "on")} aria-label="Next version"><RightIcon /></button>
    </div>
  );
}

function Facts({ view }: { view: TurnView }) {
  const wait = waitOf(view.turn);
  const facts = [
    wait === undefined || view.parts.length === 0 ? "" : `first token in ${seconds(wait)}`,
    view.usage?.output_tokens && isOver(view) ? `${view.usage.output_tokens} tokens` : "",
    view.usage?.model && isOver(view) ? view.usage.model : "",
  ].filter((s) => s !== "");
  return facts.length > 0 ? <span class="facts">{facts.join(" · ")}</span> : null;
}
