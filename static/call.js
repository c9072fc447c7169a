// One call of a vendor, opened: how it came, what it became, and a button that has it read again.

import { get, post } from "./api.js";
import { el, notice, say } from "./dom.js";
import { goToEvent } from "./events.js";
import { count, head, pretty } from "./format.js";

// What there is to say where a call became no event.
const NONE = {
  pending: "It is yet to be read.",
  ignored: "None: it means nothing to us.",
  unconfirmed: "None: its vendor knows nothing of it.",
};

const text = (value) => el("pre", { tabindex: "0" }, value);
const path = (call) => `upstream/calls/${encodeURIComponent(call.id)}`;

export class OpenCall {
  #call;
  #replayed;
  #before = null;
  #closed = false;
  #headers = el("dd", {}, "Loading…");
  #body = el("dd", {}, "Loading…");
  #events = el("dd");
  #button = el("button", { type: "button", class: "quiet", onclick: () => this.#replay() }, "Replay");
  #said = el("p", { role: "status" });
  #trouble = el("p", { class: "notice", role: "alert", hidden: true });

  /** A call, drawn into the element `place`; `replayed` is given it as it is when it is to be read again. */
  constructor(call, place, replayed) {
    this.#call = call;
    this.#replayed = replayed;
    const parts = [
      ["address", el("dd", {}, text(`${call.method} ${call.url}`))],
      ["events", this.#events],
      ["headers", this.#headers],
      [`body, ${count(call.bodyBytes, "byte")}`, this.#body],
      ["ids", el("dd", {}, text(`${call.id}\n${call.integrationId}\n${call.vendorId}`))],
    ];
    place.append(
      el("div", { class: "again" }, this.#button, this.#said),
      this.#trouble,
      el("dl", { class: "parts" }, parts.map(([label, part]) => [el("dt", {}, label), part])),
    );
    this.#drawEvents();
    this.#load();
  }

  /** The call has come to another state. */
  update(call) {
    this.#call = call;
    this.#drawEvents();
    if (this.#before === null || call.status === "pending") return;
    const more = call.events.length - this.#before;
    this.#before = null;
    say(this.#said, `Read again: ${more > 0 ? count(more, "new event") : "nothing new came of it"}.`);
  }

  /** Draws no more. */
  close() {
    this.#closed = true;
  }

  /** Headers and body, which never change. */
  async #load() {
    try {
      const { headers, body, bodyBase64 } = await get(path(this.#call));
      if (this.#closed) return;
      this.#headers.replaceChildren(text(head(headers)));
      const shown = bodyBase64 === undefined ? pretty(body) : "It is binary, and not shown.";
      this.#body.replaceChildren(shown === "" ? "It is empty." : text(shown));
    } catch (refused) {
      if (this.#closed) return;
      notice(this.#trouble, refused.message);
      this.#headers.replaceChildren("Not loaded.");
      this.#body.replaceChildren("Not loaded.");
    }
  }

  async #replay() {
    this.#button.disabled = true;
    notice(this.#trouble, "");
    try {
      const call = await post(`${path(this.#call)}/replay`);
      if (this.#closed) return;
      this.#before = call.events.length;
      say(this.#said, "It waits to be read again.");
      this.#replayed(call);
    } catch (refused) {
      say(this.#said, "");
      notice(this.#trouble, `Not read again: ${refused.message}`);
    } finally {
      this.#button.disabled = false;
    }
  }

  #drawEvents() {
    const { events, status } = this.#call;
    const drawn = [...this.#events.querySelectorAll("button")].map((button) => button.textContent);
    if (drawn.length > 0 && drawn.join() === events.join()) return;
    const go = (id) => () => say(this.#said, goToEvent(id) ? "" : "That event is not in the list below.");
    const buttons = events.map((id) => el("li", {}, el("button", { type: "button", class: "link", onclick: go(id) }, id)));
    this.#events.replaceChildren(buttons.length > 0 ? el("ul", {}, buttons) : NONE[status] ?? "None.");
  }
}
