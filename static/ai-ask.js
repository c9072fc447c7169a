// Asks, stops, and gives what came of tools. The last question is kept in the tab: after a reload the page knows what
// was asked, and asks again under the same key where it never learned which answer that became.

import { address, get, post, Refused } from "./api.js";
import { token } from "./session.js";

const KEY = "appengine.ai";
let last = read();

function read() {
  try {
    return JSON.parse(sessionStorage.getItem(KEY));
  } catch {
    return null; // Storage is switched off: a reload shows the conversation, but not the question that is being answered.
  }
}

/** The last question of this tab: `{conversation, question, tools, key, stream, given}`, or null. */
export const lastAsked = () => last;

/** A question that is to be asked, under a key that makes it the same one however often it is sent. */
export const toAsk = (conversation, question, tools) => ({ conversation, question, tools, key: anyName(), stream: null, given: [] });

/** Keeps a question as the last one of this tab; null forgets it. */
export function keepAsked(asked) {
  last = asked;
  try {
    if (asked) sessionStorage.setItem(KEY, JSON.stringify(asked));
    else sessionStorage.removeItem(KEY);
  } catch {
    // As above.
  }
}

/** A name that nothing else has. */
export const anyName = () => Array.from(crypto.getRandomValues(new Uint32Array(4)), (n) => n.toString(36)).join("-");

/** Asks, and gives the id of the stream where the answer can be read. */
export async function begin(asked) {
  const { conversation, question, tools, key } = asked;
  const body = { message: question, conversationId: conversation, clientMcpTools: tools };
  const { streamId } = await send("ai/agent/stream", body, { "idempotency-key": key });
  // Meanwhile something else may have been asked.
  if (last?.key === key) keepAsked({ ...asked, stream: streamId });
  return streamId;
}

/** What was said in a conversation, and the stream of what is being said in it. */
export const readThread = (conversation) => get(`ai/thread/${encodeURIComponent(conversation)}`);

/** Stops an answer; its stream says so, too. */
export const stopAnswer = (stream) => post(`ai/stream/${encodeURIComponent(stream)}/stop`);

/** Gives what came of a tool that this page has used. A reload need not give it again. */
export async function giveResult(stream, result) {
  await send(`ai/stream/${encodeURIComponent(stream)}/tool-results`, { results: [result] });
  if (last?.stream === stream) keepAsked({ ...last, given: [...last.given, result.id] });
}

async function send(path, body, headers = {}) {
  const signed = { authorization: `Bearer ${token()}`, "content-type": "application/json", ...headers };
  let answer;
  try {
    answer = await fetch(address(path), { method: "POST", cache: "no-store", headers: signed, body: JSON.stringify(body) });
  } catch {
    throw new Refused(0, "unreachable", "The server cannot be reached.");
  }
  const said = await answer.json().catch(() => null);
  if (answer.ok) return said;
  throw new Refused(answer.status, said?.code ?? "", said?.message ?? `The server answered ${answer.status}.`);
}
