// An assistant's answer as it comes: a bubble that grows, until the message that it has become takes its place.

import { el, say } from "./dom.js";

export class Answer {
  #list;
  #bubble = null;
  #words = el("span");
  #doing = el("small");
  #text = "";

  /** `list` is where the messages are. */
  constructor(list) {
    this.#list = list;
  }

  /** A piece of it, as `chat-stream` tells it. */
  hear({ event, data, offset, sk }) {
    if (event === "chunk") {
      // Whoever comes back in the middle is told all of it from 0, and so is whoever hears it begin once more.
      this.#text = this.#text.slice(0, offset) + data;
      this.#show("…");
    } else if (event === "tool-use") {
      this.#show(`uses ${data.name} …`);
    } else if (event === "tool-result") {
      this.#show("…");
    } else if (!sk) {
      // It has said nothing that is kept: no message follows.
      this.end();
    }
  }

  /** The message that it has become is shown, or it is of no use any more. */
  end() {
    this.#bubble?.remove();
    this.#bubble = null;
    this.#text = "";
  }

  #show(doing) {
    if (!this.#bubble) {
      this.#bubble = el("li", { class: "speaking", "aria-busy": "true" }, this.#words, this.#doing);
      this.#list.append(this.#bubble);
    }
    say(this.#words, this.#text);
    say(this.#doing, doing);
    this.#list.scrollTop = this.#list.scrollHeight;
  }
}
