// Readers of answers as pages and programs have them: a chat of npm's `ai` (the AI SDK), and npm's `openai`.
import { AbstractChat, DefaultChatTransport } from "ai";
import OpenAI from "openai";
import { Came } from "./ai_provider.mjs";

/** Tools of whoever reads, as they are asked for here and of OpenAI. */
const locate = { name: "locate", description: "Where somebody is" };
const clientMcpTools = [{ ...locate, inputSchema: { type: "object" } }];
const tools = [{ type: "function", function: { ...locate, parameters: { type: "object" } } }];

/** A page with a chat of the AI SDK, on a network that breaks behind the frame `breaksAt`. */
export class Page extends AbstractChat {
  /** The number of the last frame that it has. */
  last = 0;
  breaksAt = Infinity;
  /** Each state of its messages, and how each answer ended. */
  shown = new Came();
  finished = new Came();

  constructor(world, { id, onToolCall } = {}) {
    const { url, headers, provider } = world;
    const read = (query) => `${url}/ai/stream/${this.streamId}?format=ui${query}`;
    const transport = new DefaultChatTransport({
      api: `${url}/ai/agent/stream`,
      headers,
      // It is told what is behind what it has.
      resumeStreamIsReplay: false,
      prepareSendMessagesRequest: ({ messages }) => ({
        body: { message: messages.at(-1).parts[0].text, settings: { provider }, clientMcpTools },
      }),
      prepareReconnectToStreamRequest: () => ({ api: read(`&lastEventId=${this.last}`) }),
      fetch: async (address, init) => {
        let answer = await fetch(address, init);
        if (answer.status === 202) {
          this.streamId = (await answer.json()).streamId;
          answer = await fetch(read(""), { headers, signal: init.signal });
        }
        this.answered = answer.status;
        return answer.status === 200 ? new Response(ReadableStream.from(this.#whole(answer.body)), answer) : answer;
      },
    });
    const messages = [];
    const show = (at, message) => {
      messages[at] = message;
      this.shown.add(structuredClone(message));
    };
    const state = {
      status: "ready",
      error: undefined,
      messages,
      pushMessage: (message) => show(messages.length, message),
      popMessage: () => messages.pop(),
      replaceMessage: show,
      snapshot: structuredClone,
    };
    super({ transport, state, onToolCall, onFinish: (how) => this.finished.add(how) });
    this.streamId = id;
    this.read = () => transport.reconnectToStream({});
  }

  /** The answer, without what is undefined in it. */
  get answer() {
    return JSON.parse(JSON.stringify(this.lastMessage));
  }

  shows(text) {
    return this.shown.first(({ parts }) => parts.some((part) => part.text === text), `${text} on the page`);
  }

  /** Puts events aside until the id changes, for a frame may be several of them. */
  async *#whole(body) {
    let text = "";
    const aside = [];
    for await (const more of body.pipeThrough(new TextDecoderStream())) {
      text += more;
      for (let end; (end = text.indexOf("\n\n") + 2) > 1; text = text.slice(end)) {
        aside.push(text.slice(0, end));
        const id = Number(aside.at(-1).match(/^id: \d+$/gm)?.at(-1).slice(4) ?? this.last);
        if (id === this.last) continue;
        yield* aside.splice(0).map((event) => Buffer.from(event));
        this.last = id;
        // In the words of a browser, by which the SDK knows that it may come again.
        if (id >= this.breaksAt) throw new TypeError("network error");
      }
    }
  }
}

/** OpenAI's client: a question is one to the server, or what it reads is an answer that was asked for. */
export function openai({ url, headers, provider, token, call }, streamId) {
  const client = new OpenAI({
    apiKey: token,
    baseURL: url,
    maxRetries: 0,
    fetch: async (_, { body, signal }) => {
      const message = JSON.parse(body).messages.at(-1).content;
      const asked = { message, settings: { provider }, clientMcpTools };
      client.streamId ??= (await call("POST", "/ai/agent/stream", asked)).streamId;
      return fetch(`${url}/ai/stream/${client.streamId}?format=openai`, { headers, signal });
    },
  });
  return Object.assign(client, { streamId });
}

/** Asks OpenAI's client, whose answer comes as a `ChatCompletionStream`. */
export const complete = (client) =>
  client.chat.completions.stream({ model: "m", messages: [{ role: "user", content: "Where am I?" }], tools });
