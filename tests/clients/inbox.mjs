// Keeps everything that a socket hears, so that no event is missed between two awaits.
import { io } from "socket.io-client";
import { answered, heard } from "./described.mjs";

export class Inbox {
  #waiting = [];
  #heard = [];

  constructor(socket) {
    this.socket = socket;
    socket.onAny((event, payload) => heard(socket.nsp, event, payload));
    socket.onAny((event, ...args) => this.#put({ event, args }));
    for (const event of ["connect", "disconnect", "connect_error"]) {
      socket.on(event, (...args) => this.#put({ event, args }));
    }
  }

  #put(entry) {
    const at = this.#waiting.findIndex((w) => w.event === entry.event);
    if (at < 0) this.#heard.push(entry);
    else this.#waiting.splice(at, 1)[0].resolve(entry.args[0]);
  }

  /** The first argument of the next `event`, heard already or yet to come. */
  next(event) {
    const at = this.#heard.findIndex((h) => h.event === event);
    if (at >= 0) return Promise.resolve(this.#heard.splice(at, 1)[0].args[0]);
    return new Promise((resolve) => this.#waiting.push({ event, resolve }));
  }

  /** The next `event` that has these fields. */
  async until(event, fields) {
    for (;;) {
      const heard = await this.next(event);
      if (Object.entries(fields).every(([name, value]) => heard[name] === value)) return heard;
    }
  }

  /** What was heard and not asked for. */
  get unread() {
    return this.#heard.map((h) => h.event);
  }

  emit(...args) {
    this.socket.emit(...args);
  }

  async ask(event, ...args) {
    const answer = await this.socket.emitWithAck(event, ...args);
    answered(this.socket.nsp, event, answer);
    return answer;
  }

  close() {
    this.socket.disconnect();
  }
}

export const agent = { token: "agent:amy@acme.io", orgId: "acme" };
export const customer = { token: "customer:cid@mail.io", orgId: "acme" };

/** Opens a socket of its own connection. */
export function open(url, namespace, options = {}) {
  return new Inbox(io(url + namespace, { forceNew: true, reconnection: false, ...options }));
}

/** Opens one and waits until it was let in. */
export async function enter(url, namespace, options = {}) {
  const inbox = open(url, namespace, options);
  const told = await inbox.next("authenticate");
  if (!told.success) throw new Error(`refused: ${JSON.stringify(told)}`);
  return { inbox, told };
}
