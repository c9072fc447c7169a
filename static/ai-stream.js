// Follows an answer: Server-Sent Events by fetch, for an `EventSource` could show its token in the address only. A
// connection that ends before the answer does is opened again, behind the last frame that came.

import { address, Refused } from "./api.js";
import { token } from "./session.js";

const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 15_000;
// The server says something every 15 s: a connection that is silent for so long is dead without knowing it.
const SILENCE = 40_000;
// Frames behind which nothing comes.
const LAST = new Set(["end", "error"]);
// Refusals that may be another answer next time.
const isPassing = (status) => status >= 500 || [408, 425, 429].includes(status);

/** Takes bytes as they come, and gives events `{id, data}` as they become whole. Comments and names are passed over. */
export class EventReader {
  #decoder = new TextDecoder();
  #rest = "";
  #id = "";
  #data = [];

  *push(bytes) {
    this.#rest += this.#decoder.decode(bytes, { stream: true });
    // A CR at the end of what came may be half of a CRLF: it waits for what is behind it.
    const lines = this.#rest.split(/\r\n|\n|\r(?!$)/);
    this.#rest = lines.pop();
    for (const line of lines) {
      if (line === "") yield* this.#end();
      else this.#take(line);
    }
  }

  *#end() {
    if (this.#data.length) yield { id: this.#id, data: this.#data.join("\n") };
    this.#data = [];
  }

  #take(line) {
    const [, name, value] = /^([^:]*)(?:: ?)?(.*)$/s.exec(line);
    if (name === "data") this.#data.push(value);
    if (name === "id") this.#id = value;
  }
}

/**
 * Follows an answer from its first frame until its last, or until `stop()` is called on what it returns.
 * `heard(frames)`: those that came together, each once and in order;
 * `state("connecting" | "live" | "waiting", seconds)`;
 * `over(refused)`: nothing more will come; null where that is the answer's end, else why it cannot be read.
 */
export function followAnswer(id, { heard, state, over }) {
  let last = 0;
  let pause = FIRST_PAUSE;
  let timer = null;
  let connection = null;

  async function open() {
    clearTimeout(timer);
    timer = null;
    const mine = new AbortController();
    connection = mine;
    state("connecting");
    // Whatever is wrong with a connection, another one is opened; only an answer says that it would be in vain.
    const end = await read(mine).catch(() => undefined);
    if (connection !== mine) return;
    if (end === undefined) return wait();
    stop();
    over(end);
  }

  /** Reads until the connection ends: null behind the last frame, a Refused where none will come, else undefined. */
  async function read(mine) {
    let silence = null;
    const listening = () => {
      clearTimeout(silence);
      silence = setTimeout(() => mine.abort(), SILENCE);
    };
    listening();
    try {
      const answer = await fetch(address(`ai/stream/${encodeURIComponent(id)}`), { headers: headers(), cache: "no-store", signal: mine.signal });
      if (answer.status === 204) return null;
      if (!answer.ok) return isPassing(answer.status) ? undefined : await refusal(answer);
      state("live");
      const events = new EventReader();
      const body = answer.body.getReader();
      while (true) {
        const { done, value } = await body.read();
        if (done || connection !== mine) return undefined;
        listening();
        if (take(events.push(value))) return null;
      }
    } finally {
      clearTimeout(silence);
      mine.abort();
    }
  }

  function headers() {
    const signed = { authorization: `Bearer ${token()}`, accept: "text/event-stream" };
    return last ? { ...signed, "last-event-id": String(last) } : signed;
  }

  async function refusal(answer) {
    const body = await answer.json().catch(() => null);
    return new Refused(answer.status, body?.code ?? "", body?.message ?? `The server answered ${answer.status}.`);
  }

  /** Hands on what is new; says whether the last was among it. */
  function take(events) {
    // Whatever is between may repeat something, but must not make it be shown twice.
    const fresh = [...events].filter(({ id }) => Number(id) > last);
    if (!fresh.length) return false;
    const frames = fresh.map(({ data }) => JSON.parse(data));
    // Not before all of them could be read: those that could not are asked for again.
    last = Number(fresh.at(-1).id);
    pause = FIRST_PAUSE;
    try {
      heard(frames);
    } catch (error) {
      // That they could not be shown is the page's mistake: it is said, and reading again would not mend it.
      reportError(error);
    }
    return LAST.has(frames.at(-1).type);
  }

  function wait() {
    connection = null;
    const wait = pause * (0.75 + Math.random() / 2);
    pause = Math.min(pause * 2, LONGEST_PAUSE);
    state("waiting", Math.ceil(wait / 1000));
    timer = setTimeout(open, wait);
  }

  // Whoever looks at the page again, or is back on the network, does not want to wait.
  const sooner = () => {
    if (timer === null || document.visibilityState !== "visible") return;
    pause = FIRST_PAUSE;
    open();
  };

  function stop() {
    clearTimeout(timer);
    timer = null;
    connection?.abort();
    connection = null;
    removeEventListener("online", sooner);
    document.removeEventListener("visibilitychange", sooner);
  }

  addEventListener("online", sooner);
  document.addEventListener("visibilitychange", sooner);
  open();
  return { stop };
}
