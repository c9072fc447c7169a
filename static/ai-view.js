// What the page says around a conversation: how it stands, what is wrong, and where in it the reader is.

import { at, notice, say } from "./dom.js";

/** How far from its end a page may be and still go along with the words that come. */
const NEAR = 80;

/** What a server says in a few words, as a sentence. */
export const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1).replace(/[.!?…]$/, "") + ".";

/** Says how it stands; `asks` while a question is on its way, `answers` while its answer comes. */
export function state(tone, text, { asks = false, answers = false } = {}) {
  at("state").dataset.tone = tone;
  say(at("state"), text);
  at("send").disabled = asks || answers;
  at("stop").hidden = !answers;
}

/** Shows what is wrong with the whole, and a way to try again where there is one. */
export function trouble(text, act = null) {
  notice(at("trouble-text"), text && sentence(text));
  at("trouble").hidden = !text;
  at("again").hidden = !act;
  at("again").onclick = act;
}

/** Goes to the end of the page. */
export const toEnd = () => scrollTo(0, document.documentElement.scrollHeight);

/** Changes what is shown, and goes along to its end, unless the reader looks at something further up. */
export function alongside(change) {
  const page = document.documentElement;
  const isNear = page.scrollHeight - innerHeight - scrollY < NEAR;
  change();
  if (isNear) toEnd();
}

/** Turns to the field for questions, where that brings no keyboard up over what is there to read. */
export function toField() {
  if (matchMedia("(hover: hover)").matches) at("question").focus({ preventScroll: true });
}
