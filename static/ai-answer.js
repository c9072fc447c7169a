// One question and its answer, as far as that has come: words, uses of tools, and how it ended.

import { sentence } from "./ai-view.js";
import { el, notice, say } from "./dom.js";
import { exact, pretty } from "./format.js";

/** What there is to say of an answer's end; of a whole answer there is nothing. */
const ENDS = {
  length: "Cut: it reached its greatest length.",
  content_filter: "Held back by the provider's filter.",
  step_limit: "Ended: it used tools too often.",
  stopped: "Stopped. What was said is kept.",
};

export class Answer {
  /** Where words are added; null behind a tool. */
  #words = null;
  /** The uses of tools, by their ids: `{id, name, client, mark, parts, isOpen}`. */
  #calls = new Map();
  #said = el("div", { class: "answer", "aria-busy": "true" });
  #trouble = el("p", { class: "notice", role: "alert", hidden: true });
  #again = el("button", { type: "button", class: "quiet", hidden: true });
  #facts = el("span");
  #link = el("a", { hidden: true }, "This answer alone");
  /** How it ended: `whole`, `stopped` or `failed`; null while it goes on. */
  ended = null;

  constructor(question) {
    this.question = question;
    const asked = question === null
      ? el("p", { class: "question unknown" }, "The question is not known here.")
      : el("p", { class: "question" }, el("span", { class: "unseen" }, "Question: "), question);
    const foot = el("p", { class: "foot" }, this.#facts, this.#link);
    this.element = el("li", { class: "exchange" }, asked, this.#said, this.#trouble, this.#again, foot);
  }

  /** An answer as a conversation remembers it. */
  static past({ question, answer, streamId }) {
    const past = new Answer(question);
    past.begins(streamId);
    past.remembered(answer);
    return past;
  }

  /** Its stream is known. */
  begins(stream) {
    this.stream = stream;
    this.element.dataset.stream = stream;
    this.#link.href = `#stream=${stream}`;
    this.#link.hidden = false;
  }

  /** Takes frames of its stream. */
  heard(frames) {
    for (const frame of frames) this.#hearers[frame.type]?.(frame);
  }

  #hearers = {
    start: ({ model }) => this.#fact(model),
    chunk: ({ data }) => this.#add(data),
    tool_use: (call) => this.#use(call),
    tool_result: (result) => this.#used(result),
    usage: ({ inputTokens, outputTokens, estimated }) =>
      inputTokens + outputTokens > 0 && this.#fact(`${exact(inputTokens)} tokens read, ${exact(outputTokens)} written${estimated ? " (estimated)" : ""}`),
    end: ({ finishReason }) => {
      if (ENDS[finishReason]) this.#fact(ENDS[finishReason]);
      this.#end(finishReason === "stopped" ? "stopped" : "whole");
    },
    error: ({ code, message, retryable }) => {
      const advice = retryable ? "The same may work a little later." : "Asked in the same way, it will fail again until something is changed.";
      this.failed(`Failed to ${message}`, advice, code);
    },
  };

  /** Whether anything was said yet. */
  get isBegun() {
    return this.#said.hasChildNodes();
  }

  /** Calls that whoever reads is to answer, and nobody has yet. */
  openCalls() {
    return this.ended ? [] : [...this.#calls.values()].filter((call) => call.client && call.isOpen);
  }

  /** Nothing more is known of it than what the conversation remembers. */
  remembered(words) {
    if (words) this.#add(words);
    this.#end("whole");
  }

  /** It broke off, or could not be asked for or read. */
  failed(why, advice = "", code = "") {
    this.#end("failed");
    notice(this.#trouble, [sentence(why), advice].filter(Boolean).join(" "));
    if (code) this.#trouble.append(" ", el("code", {}, code));
  }

  /** Offers a way on; `act` is done once. */
  offer(text, act) {
    say(this.#again, text);
    this.#again.hidden = false;
    this.#again.onclick = () => {
      this.offersNothing();
      act();
    };
  }

  /** There is no way on from here any more. */
  offersNothing() {
    this.#again.hidden = true;
  }

  /** What was wrong with it is tried anew. */
  triesAgain() {
    this.ended = null;
    this.offersNothing();
    this.#said.setAttribute("aria-busy", "true");
    notice(this.#trouble, null);
  }

  #add(words) {
    if (!this.#words) {
      this.#words = new Text();
      this.#said.append(el("p", { class: "words" }, this.#words));
    }
    // The rest of the text is left alone: a selection in it stays.
    this.#words.appendData(words);
  }

  #use({ id, name, input, client }) {
    this.#words = null;
    const mark = el("span", { class: "state", "data-tone": "wait" }, client ? "waits for the browser that asked" : "is used");
    const parts = el("dl", { class: "parts" }, el("dt", {}, "Given"), el("dd", {}, el("pre", { tabindex: "0" }, pretty(input))));
    const line = el("summary", {}, el("span", { class: "unseen" }, "Tool "), el("code", {}, name), " ", mark);
    this.#said.append(el("details", { class: "tool" }, line, parts));
    this.#calls.set(id, { id, name, client, mark, parts, isOpen: true });
  }

  #used({ id, output, isError }) {
    const call = this.#calls.get(id);
    if (!call) return;
    call.isOpen = false;
    call.mark.dataset.tone = isError ? "bad" : "good";
    say(call.mark, isError ? "failed" : "was used");
    call.parts.append(el("dt", {}, isError ? "What was wrong" : "What came of it"), el("dd", {}, el("pre", { tabindex: "0" }, pretty(output))));
  }

  #end(how) {
    this.ended = how;
    this.#said.setAttribute("aria-busy", "false");
    for (const call of this.#calls.values()) {
      if (!call.isOpen) continue;
      call.mark.dataset.tone = "off";
      say(call.mark, "was not used");
    }
    if (!this.isBegun && how !== "failed") this.#said.append(el("p", { class: "empty" }, "Nothing was said."));
  }

  #fact(text) {
    if (text) say(this.#facts, [this.#facts.textContent, text].filter(Boolean).join(" · "));
  }
}
