// BullMQ on a Redis of its own: node bullmq.mjs [always|everysec] [runs]. One line of JSON for each figure.

import { Queue, Worker } from "bullmq";
import { BULK, COUNTS, IN_FLIGHT, adds, bulks, folder, freePort, idle, need, payload, serve, side } from "./common.mjs";

const sync = process.argv[2] ?? "always";
const runs = Number(process.argv[3] ?? 1);
need("redis-server", "redis-server");

/// Does one thing with a queue on a fresh server.
async function onFresh(work) {
  const port = await freePort();
  const options = { bind: "127.0.0.1", port, dir: folder(), appendonly: "yes", appendfsync: sync, save: "", loglevel: "warning" };
  const server = await serve(["redis-server", ...Object.entries(options).flatMap(([key, value]) => [`--${key}`, String(value)])], port);
  const connection = { host: "127.0.0.1", port };
  const queue = new Queue("bench", { connection });
  await queue.waitUntilReady();
  const add = (n) => queue.add("bench.job", payload(n));
  const addMany = (numbers) => queue.addBulk(numbers.map((n) => ({ name: "bench.job", data: payload(n) })));
  const figures = side("BullMQ", sync, server);
  await work({ figures, connection, add, addMany });
  await queue.close();
  await server.stop();
}

/// A worker that waits to be run, and the end of its first `count` jobs.
async function worker(connection, concurrency, count, handler = async () => {}) {
  const worker = new Worker("bench", handler, { connection, concurrency, autorun: false });
  worker.on("error", (error) => console.error(error));
  await worker.waitUntilReady();
  const done = new Promise((resolve) => {
    let left = count;
    worker.on("completed", () => --left === 0 && resolve());
  });
  return { worker, done };
}

const process_ = (figure, concurrency, count) =>
  onFresh(async ({ figures, connection, add, addMany }) => {
    await adds(COUNTS.warm, IN_FLIGHT, add);
    const warm = await worker(connection, concurrency, COUNTS.warm);
    warm.worker.run();
    await warm.done;
    await warm.worker.close();
    await bulks(count, addMany);
    const { worker: busy, done } = await worker(connection, concurrency, count);
    await figures.rate(figure, count, async () => {
      busy.run();
      await done;
    });
    await busy.close();
  });

for (let run = 0; run < runs; run++) {
  await onFresh(async ({ figures, add }) => {
    await adds(COUNTS.warm, 1, add);
    await figures.rate("add, one by one", COUNTS.oneByOne, () => adds(COUNTS.oneByOne, 1, add));
  });
  await onFresh(async ({ figures, add }) => {
    await adds(COUNTS.warm, IN_FLIGHT, add);
    await figures.rate(`add, ${IN_FLIGHT} in flight`, COUNTS.inFlight, () => adds(COUNTS.inFlight, IN_FLIGHT, add));
  });
  await onFresh(async ({ figures, addMany }) => {
    await bulks(2 * BULK, addMany);
    await figures.rate("add, bulks of 1,000", COUNTS.bulk - 2 * BULK, () => bulks(COUNTS.bulk - 2 * BULK, addMany));
    figures.memory("memory, 100,000 waiting");
  });
  await process_("process, concurrency 1", 1, COUNTS.serial);
  await process_("process, concurrency 50", 50, COUNTS.process);
  await onFresh(async ({ figures, connection, add }) => {
    let begun = () => {};
    const { worker: waiting } = await worker(connection, 1, 0, async () => begun(process.hrtime.bigint()));
    waiting.run();
    const one = (resolve) => {
      begun = resolve;
      add(0);
    };
    await idle(COUNTS.idle / 5, one);
    figures.latency("idle, added to begun", await idle(COUNTS.idle, one));
    await waiting.close();
  });
}
