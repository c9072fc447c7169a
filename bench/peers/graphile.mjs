// graphile-worker on a PostgreSQL of its own with its default durability: node graphile.mjs [runs]. One line of JSON
// for each figure. PostgreSQL refuses to run as root: then it runs as Debian's user `postgres`.

import { execFileSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { Logger, makeWorkerUtils, run } from "graphile-worker";
import { BULK, COUNTS, IN_FLIGHT, adds, bulks, eventually, folder, freePort, idle, need, pause, payload, serve, side } from "./common.mjs";

const runs = Number(process.argv[2] ?? 1);
const TASK = "bench.job";
const CONCURRENCY = 50;
/// What its documentation says of batches, with the numbers of its own benchmark.
const BATCHES = { localQueue: { size: 500 }, completeJobBatchDelay: 0, failJobBatchDelay: 0 };
const quiet = new Logger(() => () => {});

/// Debian keeps the server's programs apart from everybody's.
function program(name) {
  const versions = existsSync("/usr/lib/postgresql") ? readdirSync("/usr/lib/postgresql").sort() : [];
  const path = `/usr/lib/postgresql/${versions.pop()}/bin/${name}`;
  if (existsSync(path)) return path;
  need(name, "postgresql");
  return name;
}

const isRoot = process.getuid() === 0;
const user = isRoot ? "postgres" : undefined;
const data = folder(user);
const as = user ? ["--reuid", user, "--regid", user, "--clear-groups"] : [];
execFileSync("setpriv", [...as, program("initdb"), "-D", data, "-A", "trust", "-U", "bench", "-E", "UTF8"], { stdio: ["ignore", "ignore", "inherit"] });
const port = await freePort();
// Its two pools here take more than the usual 100 connections.
const settings = ["-c", "max_connections=200", "-c", "listen_addresses=127.0.0.1", "-c", `unix_socket_directories=${data}`, "-c", "log_min_messages=panic"];
const server = await serve([program("postgres"), "-D", data, "-p", String(port), ...settings], port, { user, signal: "INT" });
const connectionString = `postgres://bench@127.0.0.1:${port}/postgres`;
const figures = side("graphile-worker", "fsync, synchronous_commit on", server);

const utils = await eventually(() => makeWorkerUtils({ connectionString, logger: quiet, maxPoolSize: IN_FLIGHT }));
await utils.migrate();
const add = (n) => utils.addJob(TASK, payload(n));
const addMany = (numbers) => utils.addJobs(numbers.map((n) => ({ identifier: TASK, payload: payload(n) })));
const sql = (text) => utils.withPgClient((client) => client.query(text));
const isEmpty = async () => (await sql("select 1 from graphile_worker._private_jobs limit 1")).rowCount === 0;
const empty = () => sql("truncate graphile_worker._private_jobs");

/// Works until nothing is left.
async function work(concurrency, preset) {
  const options = { connectionString, logger: quiet, concurrency, maxPoolSize: concurrency + 1, noHandleSignals: true };
  const runner = await run({ ...options, preset, taskList: { [TASK]: async () => {} } });
  while (!(await isEmpty())) await pause(20);
  return runner;
}

async function processing(figure, concurrency, count, preset) {
  await bulks(COUNTS.warm, addMany);
  await (await work(concurrency, preset)).stop();
  await bulks(count, addMany);
  let runner;
  await figures.rate(figure, count, async () => {
    runner = await work(concurrency, preset);
  });
  await runner.stop();
}

for (let n = 0; n < runs; n++) {
  await adds(COUNTS.warm, IN_FLIGHT, add);
  await figures.rate("add, one by one", COUNTS.oneByOne, () => adds(COUNTS.oneByOne, 1, add));
  await empty();
  const fewer = COUNTS.inFlight / 4;
  await figures.rate(`add, ${IN_FLIGHT} in flight`, fewer, () => adds(fewer, IN_FLIGHT, add));
  await empty();
  await bulks(2 * BULK, addMany);
  await figures.rate("add, bulks of 1,000", COUNTS.bulk - 2 * BULK, () => bulks(COUNTS.bulk - 2 * BULK, addMany));
  figures.memory("memory, 100,000 waiting");
  await empty();
  await processing("process, concurrency 1", 1, COUNTS.serial / 2);
  await processing("process, concurrency 50", CONCURRENCY, COUNTS.process / 5);
  await processing("process, concurrency 50, batches", CONCURRENCY, COUNTS.process, { worker: BATCHES });
  let begun = () => {};
  const task = async () => begun(process.hrtime.bigint());
  const runner = await run({ connectionString, logger: quiet, concurrency: 1, noHandleSignals: true, taskList: { [TASK]: task } });
  const one = (resolve) => {
    begun = resolve;
    add(0);
  };
  await idle(COUNTS.idle / 5, one);
  figures.latency("idle, added to begun", await idle(COUNTS.idle, one));
  await runner.stop();
}
await utils.release();
await server.stop();
