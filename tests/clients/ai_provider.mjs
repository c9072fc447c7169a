// A provider of language models in the hands of a test: it speaks OpenAI's Chat Completions, streamed, word by word as
// the test says. And the server that asks it, as the organisation that has connected it sees it.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import { json } from "node:stream/consumers";

const PATIENCE = 30_000;

/** What is awaited, or an error that says what did not come, and what came in its place. */
export async function within(awaited, what, instead = () => "") {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${PATIENCE / 1000} s without ${what}${instead()}`)), PATIENCE);
  });
  try {
    return await Promise.race([awaited, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** What came, in order, for those who wait for some of it. */
export class Came {
  all = [];
  #looks = new Set();

  add(one) {
    this.all.push(one);
    this.#looks.forEach((look) => look());
  }

  /** The first that is so. */
  first(is, what) {
    const found = new Promise((resolve) => {
      const look = () => {
        const at = this.all.findIndex(is);
        if (at < 0) return;
        this.#looks.delete(look);
        resolve(this.all[at]);
      };
      this.#looks.add(look);
      look();
    });
    return within(found, what, () => `; ${this.all.length} came, the last of them ${JSON.stringify(this.all.at(-1))}`);
  }

  /** The one at this place, from 1. */
  nth(place, what) {
    return this.first((_, at) => at === place - 1, `${what} ${place}`);
  }
}

/** One request to the provider, and its answer as the test gives it. */
class Turn {
  constructor(asked, response) {
    Object.assign(this, { asked, response, gone: once(response, "close") });
  }

  toJSON() {
    return this.asked;
  }

  #event(data) {
    if (!this.response.headersSent) this.response.writeHead(200, { "content-type": "text/event-stream" });
    this.response.write(`data: ${typeof data === "string" ? data : JSON.stringify(data)}\n\n`);
  }

  #chunk(of) {
    this.#event({ id: "chatcmpl-1", object: "chat.completion.chunk", created: 1_790_000_000, model: "m-2026", ...of });
  }

  say(content) {
    this.#chunk({ choices: [{ index: 0, delta: { content }, finish_reason: null }] });
  }

  use(index, id, name, input) {
    const tool_calls = [{ index, id, type: "function", function: { name, arguments: JSON.stringify(input) } }];
    this.#chunk({ choices: [{ index: 0, delta: { tool_calls }, finish_reason: null }] });
  }

  end(finish_reason = "stop") {
    this.#chunk({ choices: [{ index: 0, delta: {}, finish_reason }] });
    this.#chunk({ choices: [], usage: { prompt_tokens: 11, completion_tokens: 7, total_tokens: 18 } });
    this.#event("[DONE]");
    this.response.end();
  }

  /** Refuses to answer; whoever asks may ask again at once. */
  refuse(status, message) {
    this.response.writeHead(status, { "content-type": "application/json", "retry-after": "0" });
    this.response.end(JSON.stringify({ error: { message, type: "server_error", code: null } }));
  }

  /** Says that it fails. */
  fail(message) {
    this.#event({ error: { message, type: "server_error", code: null } });
    this.response.end();
  }

  /** Hangs up in the middle. */
  break() {
    this.response.destroy();
  }
}

/** The server at this address, with a provider of its own, for as long as `play` takes. */
export async function withProvider(url, token, play) {
  const headers = { orgid: "my-org", authorization: `Bearer ${token}` };
  const turns = new Came();
  const server = createServer(async (request, response) => turns.add(new Turn(await json(request), response)));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const provider = `provider ${randomUUID()}`;
  let asked = 0;
  const world = {
    url,
    token,
    headers,
    provider,
    async call(method, path, body) {
      const sent = { method, headers: { ...headers, "content-type": "application/json" }, body: body && JSON.stringify(body) };
      const answer = await within(fetch(url + path, sent), `an answer to ${method} ${path}`);
      assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${await answer.clone().text()}`);
      return answer.json();
    },
    /** How many requests the provider has had. */
    get asked() {
      return turns.all.length;
    },
    /** The next request to the provider. */
    turn: () => turns.nth((asked += 1), "the provider's request"),
    /** An answer that was asked for: where it is read, and the provider's turn. */
    async begin(body = {}) {
      const { streamId } = await world.call("POST", "/ai/agent/stream", { message: "Hello", settings: { provider }, ...body });
      return { id: streamId, address: `${url}/ai/stream/${streamId}`, turn: await world.turn() };
    },
  };
  const settings = { baseUrl: `http://127.0.0.1:${server.address().port}`, model: "m" };
  const integration = { type: "openai", name: provider, credentials: { apiKey: "sk-x" }, settings };
  const { id } = await world.call("POST", "/upstream/save-integration", integration);
  try {
    return await play(world);
  } finally {
    server.closeAllConnections();
    server.close();
    // Whatever failed before says more.
    await fetch(`${url}/upstream/integrations/${id}`, { method: "DELETE", headers }).catch(() => {});
  }
}
