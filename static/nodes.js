// What each kind of node of a trace says of itself. One function a kind; none of them touches the page.

import { between, count, duration, head, pretty, summary, time } from "./format.js";

const TONES = {
  completed: "good", delivered: "good",
  running: "busy", active: "busy", delivering: "busy",
  pending: "wait", waiting: "wait", delayed: "wait",
  failed: "bad", dead: "bad",
  cancelled: "off", discarded: "off", skipped: "off",
};

/** How a status looks: good, busy, wait, bad or off. */
export const tone = (status) => TONES[status] ?? "off";

/** Whether more is to come of a status. */
export const isOpen = (status) => ["busy", "wait"].includes(tone(status));

const part = (label, value) => {
  const empty = [null, undefined, ""].includes(value) || (typeof value === "object" && Object.keys(value).length === 0);
  return empty ? null : { label, text: pretty(value) };
};
const below = (children, depth) => children.map((child) => describe(child, depth + 1));
const present = (list) => list.filter((text) => ![null, undefined, "", false].includes(text));

/** A node, `depth` events and effects below the first, as `{key, kind, name, status, at, facts, error, parts, children}`. */
export function describe(node, depth = 0) {
  const known = { event, run, delivery, job }[node.type];
  return known ? known(node, depth) : { key: "?", kind: node.type, name: "", facts: [], parts: [part("data", node)], children: [] };
}

function event({ event, children }, depth) {
  return {
    key: event.id,
    kind: "event",
    name: event.event,
    at: event.timestamp,
    // The row above the tree says what the first event is about.
    facts: present([depth === 0 ? event.id : summary(event.data), event.hidden && "hidden", event.by && `by ${event.by}`]),
    parts: present([part("id", event.id), part("data", event.data)]),
    children: below(children, depth),
  };
}

function run({ run, steps: records, children }, depth) {
  const since = run.startedAt ?? run.createdAt;
  const described = records.map((record, index) => step(run.id, record, index));
  const rest = [];
  for (const child of children) {
    const of = child.delivery?.stepId ?? child.event?.cause?.step;
    const owner = of === undefined ? undefined : described.findLast((one) => one.stepId === of);
    (owner?.children ?? rest).push(describe(child, depth + 1));
  }
  return {
    key: run.id,
    kind: "run",
    name: run.automationId,
    status: run.status,
    at: since,
    facts: present([
      between(since, run.completedAt),
      run.resumesAt && !run.completedAt && `goes on at ${time(run.resumesAt)}`,
      run.executedBy && `by ${run.executedBy}`,
      run.flowVersion > 1 && `version ${run.flowVersion}`,
    ]),
    // Where a step tells it, once is enough.
    error: described.some((one) => one.error && one.stepId === run.error?.stepId) ? null : run.error?.message,
    parts: present([part("id", run.id), part("trigger", run.trigger), part("variables", run.variables)]),
    children: [...described, ...rest],
  };
}

function step(run, record, index) {
  return {
    key: `${run}/${index}`,
    stepId: record.stepId,
    kind: "step",
    name: record.name || record.stepId,
    status: record.status,
    at: record.startedAt,
    facts: present([
      record.name !== record.handler && record.handler,
      between(record.startedAt, record.completedAt),
      record.attempt > 1 && `attempt ${record.attempt}`,
    ]),
    error: record.error,
    parts: present([part("input", record.input), part("output", record.output)]),
    children: [],
  };
}

function delivery({ delivery, attempts, children }, depth) {
  return {
    key: delivery.id,
    kind: "delivery",
    name: `${delivery.method} ${delivery.url}`,
    status: delivery.status,
    at: delivery.createdAt,
    facts: present([
      delivery.lastStatusCode,
      count(delivery.attempts, "attempt"),
      between(delivery.createdAt, delivery.completedAt),
      isOpen(delivery.status) && delivery.attempts > 0 && delivery.nextAttemptAt && `next at ${time(delivery.nextAttemptAt)}`,
    ]),
    error: isOpen(delivery.status) || tone(delivery.status) === "bad" ? delivery.lastError : null,
    parts: present([part("webhook-id", delivery.id), part("headers", head(delivery.headers)), part("body", delivery.body)]),
    children: [...attempts.map((one) => attempt(delivery.id, one)), ...below(children, depth)],
  };
}

function attempt(owner, record) {
  const good = record.statusCode >= 200 && record.statusCode < 300;
  return {
    key: `${owner}/${record.number}`,
    kind: "attempt",
    name: String(record.number),
    status: good ? "completed" : "failed",
    word: String(record.statusCode ?? record.errorClass ?? "failed"),
    at: record.startedAt,
    facts: [duration(record.durationMs)],
    error: record.error,
    parts: present([
      part("response head", head(record.responseHeaders)),
      part(record.responseTruncated ? "response body, its beginning" : "response body", record.responseBody),
    ]),
    children: [],
  };
}

function job({ job, children }, depth) {
  return {
    key: job.id,
    kind: "job",
    name: job.task.name,
    status: job.state,
    at: job.started ?? job.created,
    facts: present([
      job.queue,
      between(job.started ?? job.created, job.finished),
      job.attempts > 1 && `attempt ${job.attempts} of ${job.maxAttempts}`,
      job.interrupted > 0 && `interrupted ${count(job.interrupted, "time")}`,
      job.state === "delayed" && `due at ${time(job.place)}`,
    ]),
    error: job.state === "completed" ? null : job.lastError,
    parts: present([part("id", job.id), part("task", job.task)]),
    children: below(children, depth),
  };
}
