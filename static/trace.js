// The trace of one event: asks for it, draws it as an indented tree, and asks again when something of
// it changed. What the reader has unfolded stays unfolded.

import { get } from "./api.js";
import { el } from "./dom.js";
import { duration } from "./format.js";
import { describe, isOpen, tone } from "./nodes.js";
import { Pace } from "./pace.js";

const LONGEST_PAUSE = 5_000;
const MOST_FOREIGN = 2_000;
const GLYPHS = { good: "✓", busy: "●", wait: "○", bad: "✕", off: "–" };

export class Trace {
  #id;
  #place;
  #known = new Set();
  #foreign = new Set();
  #asked = new Set();
  #unfolded = new Set();
  #open = false;
  #pace = new Pace(() => this.#load(), LONGEST_PAUSE);
  #closed = false;

  /** A trace of the event `id`, drawn into the element `place`. */
  constructor(id, place) {
    this.#id = id;
    this.#place = place;
    place.append(el("p", { class: "empty" }, "Loading…"));
    this.#pace.now();
  }

  /** Something happened to the run, delivery or event `id`; `cause` is what led to it, if that is known. */
  changed(id, cause) {
    if (cause === undefined ? this.#foreign.has(id) : !this.#known.has(cause) && !this.#known.has(id)) return;
    this.#asked.add(id);
    this.#pace.soon();
  }

  /** Something happened somewhere: worth a look while parts of this are not at their end. */
  maybeChanged() {
    if (this.#open) this.#pace.soon();
  }

  /** Stops asking. */
  close() {
    this.#closed = true;
    this.#pace.stop();
  }

  async #load() {
    let again = false;
    const asked = this.#asked;
    this.#asked = new Set();
    try {
      const trace = await get(`events/${encodeURIComponent(this.#id)}/trace`);
      if (!this.#closed) this.#draw(trace);
    } catch (refused) {
      // What is drawn stays: it was true a moment ago, and is asked for again.
      if (!this.#closed && this.#known.size === 0) this.#place.replaceChildren(el("p", { class: "notice" }, refused.message));
      again = ![401, 403, 404].includes(refused.status);
    }
    for (const id of asked) if (!this.#known.has(id)) this.#foreign.add(id);
    if (this.#foreign.size > MOST_FOREIGN) this.#foreign.clear();
    return again;
  }

  #draw(trace) {
    const root = describe(trace);
    const focused = this.#place.contains(document.activeElement) ? document.activeElement.dataset.key : undefined;
    const scrolled = new Map([...this.#place.querySelectorAll("pre")].map((pre) => [pre.dataset.key, pre.scrollTop]));
    this.#known.clear();
    this.#open = false;
    const tree = el("ul", { class: "tree" }, this.#node(root, Date.parse(root.at)));
    const cut = trace.truncated ? el("p", { class: "empty" }, "The tree is larger than this: parts were left out.") : null;
    this.#place.replaceChildren(...[tree, cut].filter(Boolean));
    for (const pre of this.#place.querySelectorAll("pre")) pre.scrollTop = scrolled.get(pre.dataset.key) ?? 0;
    if (focused !== undefined) [...this.#place.querySelectorAll("[data-key]")].find((one) => one.dataset.key === focused)?.focus();
  }

  #node(node, begin) {
    this.#known.add(node.key);
    this.#open ||= isOpen(node.status);
    const looks = node.status === undefined ? "none" : tone(node.status);
    const line = [
      el("span", { class: "glyph", "aria-hidden": "true" }, GLYPHS[looks] ?? "◆"),
      el("div", {},
        el("span", { class: "kind" }, node.kind), " ",
        el("span", { class: "name" }, node.name), " ",
        node.status ? [el("span", { class: "status" }, node.word ?? node.status), " "] : null,
        el("span", { class: "facts" }, node.facts.join(" · "))),
      el("span", { class: "offset", title: "after the event" }, node.at ? `+${duration(Date.parse(node.at) - begin)}` : ""),
    ];
    const error = node.error ? el("p", { class: "error" }, node.error) : null;
    const children = node.children.length > 0 ? el("ul", {}, node.children.map((child) => this.#node(child, begin))) : null;
    return el("li", { class: "node", "data-kind": node.kind, "data-tone": looks, "data-id": node.key }, this.#body(node, line), error, children);
  }

  #body(node, line) {
    if (node.parts.length === 0) return el("div", { class: "line" }, line);
    const parts = node.parts.map(({ label, text }) => [
      el("dt", {}, label),
      el("dd", {}, el("pre", { tabindex: "0", "data-key": `${node.key}:${label}` }, text)),
    ]);
    const details = el("details", { open: this.#unfolded.has(node.key) },
      el("summary", { class: "line", "data-key": node.key }, line),
      el("dl", { class: "parts" }, parts));
    details.addEventListener("toggle", () => {
      if (details.open) this.#unfolded.add(node.key);
      else this.#unfolded.delete(node.key);
    });
    return details;
  }
}
