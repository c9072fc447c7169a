// The latest calls of vendors, newest on top. The feed does not name calls: the list is read again when
// something came of one, and when the queues move in which calls are read.

import { get } from "./api.js";
import { OpenCall } from "./call.js";
import { at, el, notice, say } from "./dom.js";
import { count, exact, time } from "./format.js";
import { Pace } from "./pace.js";

const FEW = 20;
const MANY = 500;
const LONGEST_PAUSE = 3_000;
const QUEUES = ["billing", "notification", "social-sync"];
const TONES = { pending: "wait", understood: "good", unconfirmed: "bad" };
const moment = ({ call }) => Date.parse(call.receivedAt);
const rows = new Map();
let wanted = FEW;
let pace = null;
let mayRead = true;
let counts = "";

/** Loads the latest calls. Whoever may not see them sees everything else. */
export function loadCalls() {
  mayRead = true;
  pace ??= new Pace(ask, LONGEST_PAUSE);
  return pace.now();
}

/** Something came of a call, or may have. */
export function callsChanged() {
  if (mayRead) pace?.soon();
}

/** How the queues are: where calls are read, a change may be a call's. */
export function queuesOfCalls(queues) {
  const reading = queues.filter(({ name }) => QUEUES.includes(name));
  const now = reading.flatMap((queue) => [queue.waiting, queue.active, queue.delayed, queue.failed, queue.completed]).join();
  if (now !== counts) callsChanged();
  counts = now;
}

/** Takes all of them away. */
export function forgetCalls() {
  pace?.stop();
  pace = null;
  wanted = FEW;
  counts = "";
  clear();
}

/** Asks for the list; says whether that failed and is to be tried again. */
async function ask() {
  const mine = pace;
  try {
    const page = await get(`upstream/calls?pageSize=${wanted}`);
    const beyond = await Promise.all(openBeyond(page.data).map(askForOne));
    if (mine === pace) show(page, beyond);
    return false;
  } catch (refused) {
    if (mine !== pace) return false;
    mayRead = ![401, 403].includes(refused.status);
    if (mayRead) complain(refused.message);
    else clear();
    return mayRead;
  }
}

/** Rows that are open, of calls that newer ones have pushed out of the list while they are read again. */
function openBeyond(calls) {
  const listed = new Set(calls.map(({ id }) => id));
  return [...rows.values()].filter(({ call, open }) => open && call.status === "pending" && !listed.has(call.id));
}

/** A row's call as it is now; as it was, where it is kept no longer. */
async function askForOne({ call }) {
  try {
    return await get(`upstream/calls/${encodeURIComponent(call.id)}`);
  } catch (refused) {
    if (refused.status === 404) return call;
    throw refused;
  }
}

function show({ data, total, totalIsLowerBound, hasNext }, beyond) {
  const newest = rows.size > 0 ? Math.max(...[...rows.values()].map(moment)) : Infinity;
  const kept = new Set(data.map(({ id }) => id));
  for (const call of [...data, ...beyond]) {
    const row = rows.get(call.id) ?? makeRow(call);
    if (!rows.has(call.id) && moment(row) > newest) row.item.classList.add("fresh");
    rows.set(call.id, row);
    fill(row, call);
  }
  for (const row of rows.values()) {
    if (kept.has(row.call.id) || row.open) continue;
    row.item.remove();
    rows.delete(row.call.id);
  }
  place();
  const of = `${totalIsLowerBound ? "more than " : ""}${exact(total)}`;
  say(at("calls-note"), hasNext ? `the latest ${exact(data.length)} of ${of}` : count(total, "call"));
  at("more-calls").hidden = !hasNext || wanted >= MANY;
  complain("");
}

/** Puts new rows where they belong; those that are there are not moved, and keep focus and scrolling. */
function place() {
  const sorted = [...rows.values()].sort((one, other) => moment(other) - moment(one));
  let next = at("calls").firstElementChild;
  for (const { item } of sorted) {
    if (item === next) next = next.nextElementSibling;
    else at("calls").insertBefore(item, next);
  }
}

function clear() {
  for (const row of rows.values()) row.open?.close();
  rows.clear();
  at("calls").replaceChildren();
  at("more-calls").hidden = true;
  say(at("calls-note"), "");
  complain("");
}

function complain(message) {
  notice(at("calls-trouble"), message);
  at("calls-section").hidden = rows.size === 0 && message === "";
}

function makeRow(call) {
  const status = el("span", { class: "tag" });
  const facts = el("span", { class: "facts" });
  const body = el("div", { class: "trace", id: `call-${call.id}`, hidden: true });
  const button = el("button",
    { type: "button", class: "event", "aria-expanded": "false", "aria-controls": body.id },
    el("time", { datetime: call.receivedAt }, time(call.receivedAt)),
    el("span", { class: "name" }, call.vendor),
    el("span", { class: "about" }, call.vendorId),
    el("span", { class: "came" }, status, " ", facts));
  const row = { call, status, facts, open: null, item: el("li", { "data-call": call.id }, button, body) };
  button.addEventListener("click", () => {
    row.open?.close();
    body.replaceChildren();
    row.open = row.open ? null : new OpenCall(row.call, body, (replayed) => {
      fill(row, replayed);
      pace?.hurry();
    });
    body.hidden = row.open === null;
    button.setAttribute("aria-expanded", String(row.open !== null));
  });
  return row;
}

function fill(row, call) {
  // An answer that was under way when the call was replayed tells of the time before.
  if (call.replays < row.call.replays) return;
  row.call = call;
  row.item.dataset.status = call.status;
  row.status.dataset.tone = TONES[call.status] ?? "off";
  say(row.status, call.status);
  const replays = call.replays > 0 ? count(call.replays, "replay") : null;
  say(row.facts, [count(call.events.length, "event"), replays].filter(Boolean).join(" · "));
  row.open?.update(call);
}

at("more-calls").addEventListener("click", () => {
  wanted = Math.min(wanted * 5, MANY);
  loadCalls();
});
