/**
 * The TypeScript client of Karez.
 *
 * Read karez.ts, then channel.ts (cursors), conversation.ts (what a page
 * shows) and fold.ts (how events become an answer). connection.ts keeps the
 * connection up; ws.ts and sse.ts carry it; wire.ts is what travels.
 */
export { Karez, version } from "./karez.js";
export type { KarezOptions, Signal } from "./karez.js";
export { Channel } from "./channel.js";
export type { Accepted, ChannelEvent, FollowOptions, PromptInput } from "./channel.js";
export { Presence } from "./presence.js";
export type { PresenceEvent } from "./presence.js";
export { Conversation } from "./conversation.js";
export type { ConversationOptions, ConversationState, TurnView } from "./conversation.js";
export type { OutboxStorage } from "./outbox.js";
export type { Status } from "./connection.js";
export type { Transport } from "./link.js";
export type { Token } from "./token.js";
export type { Env, Socket, SocketConstructor, Wake } from "./env.js";
export { KarezError } from "./errors.js";
export type { ErrorCode } from "./errors.js";
export { add, cutText, emptyAnswer, failureOf, fold, fromHistory, isMergeable, isTerminal, textOf } from "./fold.js";
export type { Answer, Failure, Part } from "./fold.js";
export type {
  Content, History, HistoryPart, HistoryTurn, Json, LogEvent, Member, Pace, PresenceChange, Prompt, TurnState, Usage, WireError,
} from "./wire.js";
