// The table of queues: rows are made once and then only their numbers change.

import { at, el, say } from "./dom.js";
import { duration, exact, rate, short } from "./format.js";

const COUNTS = ["waiting", "active", "delayed", "failed", "completed"];
// A job that waits for less is no news.
const LONG_WAIT = 5_000;
const rows = new Map();

/** Shows how the queues are. */
export function showQueues(queues) {
  const gone = new Set(rows.keys());
  for (const queue of queues) {
    gone.delete(queue.name);
    if (!rows.has(queue.name)) {
      const row = makeRow(queue.name);
      rows.set(queue.name, row);
      at("queues").append(row.main, row.note);
    }
    fill(rows.get(queue.name), queue);
  }
  for (const name of gone) {
    rows.get(name).main.remove();
    rows.get(name).note.remove();
    rows.delete(name);
  }
  const open = queues.reduce((sum, queue) => sum + queue.waiting + queue.active, 0);
  say(at("queues-note"), open === 0 ? "idle" : `${exact(open)} at hand`);
}

/** Takes all queues away. */
export function forgetQueues() {
  rows.clear();
  at("queues").replaceChildren();
}

function makeRow(name) {
  const cells = Object.fromEntries([...COUNTS, "rate"].map((key) => [key, el("td", { "data-count": key })]));
  const paused = el("span", { class: "tag", hidden: true }, "paused");
  const text = el("td", { colspan: COUNTS.length + 2 });
  return {
    cells,
    paused,
    text,
    main: el("tr", { "data-queue": name }, el("th", { scope: "row" }, name, " ", paused), Object.values(cells)),
    note: el("tr", { class: "note", hidden: true }, text),
  };
}

function fill(row, queue) {
  for (const key of COUNTS) {
    const cell = row.cells[key];
    say(cell, short(queue[key]));
    cell.title = exact(queue[key]);
    cell.toggleAttribute("data-some", queue[key] > 0);
  }
  say(row.cells.rate, rate(queue.ratePerSecond));
  row.cells.rate.toggleAttribute("data-some", queue.ratePerSecond > 0);
  row.paused.hidden = !queue.paused;
  const waits = queue.oldestWaitingMs >= LONG_WAIT ? `oldest waits for ${duration(queue.oldestWaitingMs)}` : null;
  const blocked = queue.blocked > 0 ? `${exact(queue.blocked)} wait for other jobs` : null;
  const failed = queue.lastError ? `last error: ${queue.lastError}` : null;
  const note = [waits, blocked, failed].filter(Boolean).join(" · ");
  say(row.text, note);
  row.note.hidden = note === "";
}
