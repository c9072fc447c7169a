// One side of a conversation: its socket, which comes back by itself and catches up, and the messages that it shows.

import { address } from "./api.js";
import { Answer } from "./chat-answer.js";
import { el, notice, say } from "./dom.js";
import { io } from "./socket.io.js";

/** A name that nothing else has. */
const anyName = () => Array.from(crypto.getRandomValues(new Uint32Array(4)), (n) => n.toString(36)).join("-");

/** How long a keyboard rests before its owner is said to have stopped. */
const REST = 2_000;

export class Line {
  #shown = new Map();
  #last = 0;
  #typing = false;
  #answer;
  #rest;

  /** `root` is the side's section; `isOwn` tells whether a message is its own. */
  constructor(root, isOwn) {
    this.root = root;
    this.isOwn = isOwn;
    this.chatId = null;
    this.#answer = new Answer(this.part("messages"));
    this.part("compose").addEventListener("submit", (event) => this.#send(event));
    this.part("compose").addEventListener("input", () => this.#type());
    this.part("close").addEventListener("click", () => this.ask("close-chat", { chatId: this.chatId, sendTranscript: false }));
  }

  /** A part of the side, by its `data-` name. */
  part(name) {
    return this.root.querySelector(`[data-${name}]`);
  }

  /** Connects. After a break it says which message it has last, and is sent what it missed. */
  open(auth) {
    this.part("entrance").hidden = true;
    this.part("chat").hidden = false;
    const where = address("chat");
    this.socket = io(`${where.origin}/chat`, {
      path: `${new URL(".", where).pathname}socket.io`,
      auth: (give) => give({ ...auth, cursors: this.chatId ? { [this.chatId]: this.#last } : {} }),
    });
    this.socket.on("authenticate", (told) => {
      if (told.success) return this.#state("good", "Connected");
      this.#state("bad", "Refused");
      this.trouble(told.message);
      this.socket.disconnect();
    });
    this.socket.on("disconnect", () => this.#state("wait", "Connecting again"));
    this.socket.on("connect_error", () => this.#state("wait", "Connecting again"));
    this.socket.on("message", (message) => this.show(message));
    this.socket.on("chat-stream", (told) => told.chatId === this.chatId && this.#answer.hear(told));
    this.socket.on("update", (update) => this.#mark(update));
    this.socket.on("status", ({ status, from }) => say(this.part("typing"), status === "typing" ? `${from} is writing…` : ""));
    this.socket.on("error", (error) => this.trouble(error.message));
  }

  /** Asks something; null, and a notice, where it is refused. */
  async ask(event, payload) {
    const answer = await this.socket.timeout(15_000).emitWithAck(event, payload).catch(() => null);
    this.trouble(answer?.success ? null : (answer?.message ?? "The server does not answer; what you wrote is kept here."));
    return answer?.success ? answer : null;
  }

  trouble(text) {
    notice(this.part("trouble"), text);
  }

  /** Turns to a conversation, and shows what was said in it. */
  async turnTo(chatId, join) {
    this.chatId = chatId;
    this.#last = 0;
    this.#shown.clear();
    this.#answer.end();
    this.part("messages").replaceChildren();
    if (join) await this.ask("join-chat", { chatId });
    const found = await this.ask("chat-history", { chatId });
    found?.history.forEach((message) => this.show(message));
  }

  /** Shows a message, once. */
  show(message) {
    this.chatId ??= message.chatId;
    if (message.chatId !== this.chatId || this.#shown.has(message.sk)) return;
    // Also where its end was missed: an assistant gives one answer at a time.
    if (message.type === "ai-assistant") this.#answer.end();
    const own = this.isOwn(message);
    const side = message.type === "system" ? "system" : own ? "own" : "";
    const note = el("small", {}, this.#note(message));
    const text = typeof message.content === "string" ? message.content : (message.content?.text ?? JSON.stringify(message.content));
    const list = this.part("messages");
    list.append(el("li", { class: side, "data-seq": message.seq }, text, note));
    list.scrollTop = list.scrollHeight;
    this.#shown.set(message.sk, { message, note });
    this.#last = Math.max(this.#last, message.seq);
    if (!own && message.type !== "system") {
      this.socket.emit("updateMessageStatus", { uid: message.sk, status: "read", from: message.to, to: message.from });
    }
  }

  #note({ fromName, sentTime, status, type }) {
    const at = new Date(sentTime).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
    return [type === "system" ? null : fromName, at, status === "read" ? "read" : null].filter(Boolean).join(" · ");
  }

  #mark({ uid, status }) {
    const shown = this.#shown.get(uid);
    if (!shown) return;
    shown.message.status = status;
    say(shown.note, this.#note(shown.message));
  }

  #state(tone, text) {
    const badge = this.part("state");
    badge.dataset.tone = tone;
    say(badge, text);
  }

  async #send(event) {
    event.preventDefault();
    const field = event.target.elements.text;
    const text = field.value.trim();
    if (!text) return;
    // Sent again under the same name it is the same message.
    const clientId = (this.unsent?.text === text && this.unsent.clientId) || anyName();
    this.unsent = { text, clientId };
    const sent = await this.say(text, clientId);
    if (!sent) return;
    this.unsent = null;
    field.value = "";
    this.#stop();
  }

  #type() {
    clearTimeout(this.#rest);
    this.#rest = setTimeout(() => this.#stop(), REST);
    if (!this.#typing) this.#share("typing");
  }

  #stop() {
    clearTimeout(this.#rest);
    if (this.#typing) this.#share("idle");
  }

  #share(status) {
    this.#typing = status === "typing";
    if (this.chatId) this.socket.emit("shareStatus", { chatId: this.chatId, status, type: status, sentTime: Date.now() });
  }
}
