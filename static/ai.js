// The page of questions and answers: who is signed in decides whether a conversation is shown.

import { get, signIn, signInByLink } from "./api.js";
import { fromAddress, toAddress } from "./ai-address.js";
import { keepAsked } from "./ai-ask.js";
import { closeTalk, onDismissed, openTalk } from "./ai-talk.js";
import { sentence } from "./ai-view.js";
import { at, notice } from "./dom.js";
import * as session from "./session.js";

const INSIDE = ["console", "new", "sign-out"];

/** Shows what the address asks for. */
function enter() {
  at("entrance").hidden = true;
  for (const id of INSIDE) at(id).hidden = false;
  notice(at("why"), "");
  openTalk(fromAddress());
}

/** Shows how to sign in, and why that is needed. The address stays: whoever signs in again goes on where they were. */
function leave(why) {
  closeTalk();
  session.forget();
  for (const id of INSIDE) at(id).hidden = true;
  at("entrance").hidden = false;
  notice(at("why"), why && sentence(why));
  at("by-password").elements.org.focus();
}

/** Takes a form over: one submission at a time, failures shown, the form free again in the end. */
function onSubmit(form, act) {
  form.addEventListener("submit", async (submitted) => {
    submitted.preventDefault();
    const button = form.querySelector("button");
    button.disabled = true;
    try {
      await act(form.elements);
      form.reset();
      enter();
    } catch (refused) {
      notice(at("why"), sentence(refused.message));
    } finally {
      button.disabled = false;
    }
  });
}

onSubmit(at("by-password"), async ({ org, email, password }) => {
  session.keep(await signIn(org.value.trim(), email.value.trim(), password.value), true);
});
onSubmit(at("by-token"), async ({ token }) => session.keep(token.value.trim(), false));
at("sign-out").addEventListener("click", () => {
  if (session.isOwn()) get("profile/logout").catch(() => {});
  keepAsked(null);
  toAddress({});
  leave("");
});
onDismissed(leave);
addEventListener("hashchange", () => arrive());

/** Signs in by what was in the address, or goes on with the token that is there. */
async function arrive() {
  const wanted = fromAddress();
  const given = session.takeFromAddress();
  // A token takes all of the address with it when it goes.
  if (given) toAddress(wanted);
  try {
    if (given?.token) session.keep(given.token, false);
    else if (given?.link) session.keep(await signInByLink(given.link), true);
  } catch (refused) {
    return leave(refused.message);
  }
  if (session.token()) enter();
  else leave("");
}

arrive();
