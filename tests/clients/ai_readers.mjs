// Readers of Server-Sent Events that share no code with the server: curl, npm's `eventsource` and `eventsource-parser`.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { EventSource } from "eventsource";
import { EventSourceParserStream } from "eventsource-parser/stream";
import { Came, within } from "./ai_provider.mjs";

export const range = (from, to) => Array.from({ length: to - from + 1 }, (_, at) => from + at);

/** Runs curl with these arguments; what it writes so far, and its end. */
export function curl(...args) {
  const child = spawn("curl", args, { stdio: ["ignore", "pipe", "pipe"] });
  const wrote = new Came();
  let [out, err] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text) => wrote.add((out += text)));
  child.stderr.setEncoding("utf8").on("data", (text) => (err += text));
  const closed = new Promise((resolve, reject) => child.on("error", reject).on("close", resolve));
  return {
    writes: (is, what) => wrote.first(is, what),
    async end() {
      const code = await within(closed, "curl's end");
      assert.equal(code, 0, `curl ${args.join(" ")}: ${err}`);
      return out;
    },
  };
}

/**
 * A network that breaks behind each event: between, or somewhere in the next one. It tells the reader to come again at
 * once; by itself it would take three seconds.
 */
export function breaking(headers, { breaks = true } = {}) {
  const asked = [];
  const network = async (address, init) => {
    const answer = await fetch(address, { ...init, headers: { ...init.headers, ...headers } });
    asked.push(`${init.headers["Last-Event-ID"] ?? ""} ${answer.status}`);
    if (answer.status !== 200) return answer;
    const odd = asked.length * 7;
    const pass = async function* () {
      yield Buffer.from("retry: 1\n");
      let passed = Buffer.alloc(0);
      for await (const bytes of answer.body) {
        const all = Buffer.concat([passed, bytes]);
        const event = breaks && /^data: .*\n\n/m.exec(all.toString("latin1"));
        if (event) {
          const end = event.index + event[0].length;
          const next = all.indexOf("\n\n", end);
          const rest = next < 0 ? 0 : odd % (next + 2 - end);
          yield all.subarray(passed.length, end + rest);
          if (rest) throw new Error("the network is gone");
          return;
        }
        yield bytes;
        passed = all;
      }
    };
    // Whoever leaves the loop has cancelled the body.
    const { url, status, redirected } = answer;
    return { url, status, redirected, headers: answer.headers, body: ReadableStream.from(pass()) };
  };
  return { asked, fetch: network };
}

/** What an EventSource hears, by whatever name, until it comes no more. */
export class Listener {
  heard = new Came();
  #over;

  constructor(name) {
    this.name = name;
    this.over = new Promise((resolve) => (this.#over = resolve));
  }

  open(address, options, then = () => {}) {
    const source = new EventSource(address, options);
    const names = [];
    source.dispatchEvent = (event) => names.push(event.type) && EventTarget.prototype.dispatchEvent.call(source, event);
    source.onmessage = ({ data, lastEventId }) => {
      this.heard.add({ id: lastEventId, frame: JSON.parse(data), names });
      then(source, lastEventId);
    };
    source.onerror = ({ code }) => source.readyState === EventSource.CLOSED && this.#over(code);
    return this;
  }

  hears(place) {
    return this.heard.nth(place, `${this.name}'s event`);
  }

  /** Everything, when it was told to come no more. */
  async all() {
    assert.equal(await within(this.over, `the end of ${this.name}`), 204, this.name);
    const { all } = this.heard;
    assert.deepEqual(all.map(({ id }) => id), range(1, all.length).map(String), this.name);
    const named = all.flatMap(({ names }) => names).filter((name) => !["open", "message", "error"].includes(name));
    assert.deepEqual(named, [], this.name);
    return all.map(({ frame }) => frame);
  }
}

/** Events of a body as they come, in pieces of other sizes than were sent. */
export function parser({ body }) {
  const pieces = new TransformStream({
    transform(bytes, into) {
      for (let at = 0; at < bytes.length; at += 13) into.enqueue(bytes.subarray(at, at + 13));
    },
  });
  const parsing = new EventSourceParserStream({ onError: "terminate" });
  const events = body.pipeThrough(pieces).pipeThrough(new TextDecoderStream()).pipeThrough(parsing).getReader();
  return {
    /** The next event; none at the end. */
    next: async () => (await within(events.read(), "the next event or the end")).value,
    frame: async () => JSON.parse((await within(events.read(), "the next frame")).value.data),
  };
}
