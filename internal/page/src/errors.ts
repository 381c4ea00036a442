// What went wrong, in words for the reader. The code decides; the message
// behind it is for whoever runs the server, and is shown under "Details".

const answers: Record<string, string> = {
  provider_auth: "The model did not accept this server's key. Whoever runs it has to mend that.",
  provider_rejected: "The model did not take this request. Another wording may help.",
  provider_rate_limited: "The model is asked too often at the moment. Try again a little later.",
  provider_unavailable: "The model cannot be reached at the moment.",
  provider_timeout: "The model took too long to answer.",
  provider_broken: "The model's answer broke off.",
  idle_timeout: "Nothing more came of this answer.",
  worker_lost: "The server that wrote this answer was lost, and no other could go on.",
  no_worker: "Nobody is there to answer at the moment.",
  answer_too_long: "The answer grew too long.",
  deadline_exceeded: "The answer took too long.",
};

const refusals: Record<string, string> = {
  unauthorized: "You are not signed in, or not any more.",
  expired: "Your sign-in has expired.",
  forbidden: "You may not do this here.",
  not_found: "It is not there, or not any more.",
  too_large: "This is too large. Send less in one piece.",
  too_many: "There is too much at once. Wait for an answer to end.",
  busy: "Another answer is still being written. Wait for it, or stop it.",
  ended: "The answer is over already.",
  trimmed: "This is too old to be shown.",
  conflict: "Something has changed meanwhile. Try again.",
  slow_down: "That was too much in a short time. Wait a moment.",
  unavailable: "The server cannot do this at the moment. Try again a little later.",
  draining: "The server is being restarted. Try again in a moment.",
  disconnected: "The connection broke before it was done.",
  connect: "The server cannot be reached.",
  closed: "The connection was closed.",
};

const unknown = "Something went wrong on the server.";

/** Why an answer failed. */
export function whyFailed(code: string | undefined): string {
  return find(answers, code);
}

/** Why a command was refused, or a connection ended. */
export function whyRefused(code: string | undefined): string {
  return find(refusals, code);
}

function find(texts: Record<string, string>, code = ""): string {
  return Object.hasOwn(texts, code) ? texts[code]! : unknown;
}
