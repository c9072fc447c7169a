// What both peers need: a server of their own in a temporary folder, the clock, CPU and memory, and lines of figures.

import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { createConnection, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/// Requests under way at once.
export const IN_FLIGHT = 64;
/// Jobs of one bulk.
export const BULK = 1000;
/// Jobs of each figure. `bench/src/jobs.rs` has the same.
export const COUNTS = { oneByOne: 5000, inFlight: 40000, bulk: 100000, serial: 5000, process: 50000, idle: 1000, warm: 2000 };

/// About 100 bytes of JSON, as on the other sides.
export const payload = (n) => ({ number: n, to: "ada@example.com", text: "x".repeat(50) });

/// Ends with words if a program is missing.
export function need(program, debian) {
  if (spawnSync("which", [program]).status !== 0) {
    console.error(`${program} is missing: apt-get install ${debian}`);
    process.exit(2);
  }
}

/// Servers and folders of this process, which go when it does: the servers first.
const servers = new Set();
const folders = [];
process.on("exit", () => {
  servers.forEach((server) => server.kill("SIGKILL"));
  folders.forEach((path) => rmSync(path, { recursive: true, force: true }));
});

/// A folder that goes when this process does.
export function folder(owner) {
  const path = mkdtempSync(join(tmpdir(), "bench-peer-"));
  if (owner) spawnSync("chown", [owner, path]);
  folders.push(path);
  return path;
}

/// A port that nobody listens on.
export function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/// Starts a server that ends with this process, and waits until it listens. `user` is whose it is, if not ours.
export async function serve(command, port, { user, signal = "TERM" } = {}) {
  const identity = user ? ["--reuid", user, "--regid", user, "--clear-groups"] : [];
  const child = spawn("setpriv", [...identity, "--pdeathsig", signal, ...command], { stdio: ["ignore", "ignore", "inherit"] });
  servers.add(child);
  const ended = new Promise((resolve) => child.once("exit", resolve)).then(() => servers.delete(child));
  for (let tries = 0; !(await listens(port)); tries++) {
    if (tries > 500 || child.exitCode !== null) throw new Error(`${command[0]} does not listen`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return {
    pid: child.pid,
    stop: () => {
      child.kill(`SIG${signal}`);
      return ended;
    },
  };
}

/// Tries until it works: a server that listens may still be on its way.
export async function eventually(work) {
  for (let tries = 0; ; tries++) {
    try {
      return await work();
    } catch (error) {
      if (tries > 200) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

function listens(port) {
  return new Promise((resolve) => {
    const socket = createConnection(port, "127.0.0.1");
    socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });
}

const stat = (pid) => {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").pop().split(" ");
  return { parent: Number(fields[1]), ticks: fields.slice(11, 15).map(Number) };
};

/// A server and the processes that it started.
function family(pid) {
  const children = readdirSync("/proc").filter((name) => {
    try {
      return /^\d+$/.test(name) && stat(name).parent === pid;
    } catch {
      return false; // It ended while we looked.
    }
  });
  return [pid, ...children];
}

/// CPU of a process, of its children, and of those that ended, in microseconds. USER_HZ is 100.
function cpu(pid) {
  const [user, system, endedUser, endedSystem] = stat(pid).ticks;
  const living = family(pid).slice(1).map((child) => stat(child).ticks).reduce((sum, [u, s]) => sum + u + s, 0);
  return (user + system + endedUser + endedSystem + living) * 10000;
}

/// Memory of a server, what its processes share counted once.
export function memoryMiB(pid) {
  const kib = family(pid).map((one) => Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${one}/smaps_rollup`, "utf8"))[1]));
  return kib.reduce((sum, one) => sum + one, 0) / 1024;
}

/// A side of the comparison, which prints one line for each figure.
export function side(name, durability, server) {
  const print = (figure, unit, value, rest) =>
    console.log(JSON.stringify({ side: name, durability, figure, unit, value, ...rest }));
  return {
    /// Times `work`, which does `count` jobs, and prints jobs a second and their CPU on both sides.
    rate: async (figure, count, work) => {
      const [client, served, started] = [cpu(process.pid), cpu(server.pid), process.hrtime.bigint()];
      await work();
      const seconds = Number(process.hrtime.bigint() - started) / 1e9;
      const cpuPerJobUs = { client: (cpu(process.pid) - client) / count, server: (cpu(server.pid) - served) / count };
      print(figure, "/s", count / seconds, { cpuPerJobUs, memoryMiB: memoryMiB(server.pid) });
    },
    memory: (figure) => print(figure, "MiB", memoryMiB(server.pid), {}),
    latency: (figure, times) => {
      times.sort((a, b) => a - b);
      const at = (part) => times[Math.ceil(times.length * part) - 1];
      print(`${figure}, p50`, "ms", at(0.5), {});
      print(`${figure}, p99`, "ms", at(0.99), {});
    },
  };
}

/// Calls `add` with 0 to `count`, so many at once.
export async function adds(count, inFlight, add) {
  let next = 0;
  const lane = async () => {
    while (next < count) await add(next++);
  };
  await Promise.all(Array.from({ length: inFlight }, lane));
}

/// Calls `addMany` with bulks of numbers, one after the other.
export async function bulks(count, addMany) {
  for (let from = 0; from < count; from += BULK) {
    await addMany(Array.from({ length: Math.min(BULK, count - from) }, (_, n) => from + n));
  }
}

/// How long each of `count` jobs takes from being added to being begun, one at a time. `add` is given what
/// the handler must call.
export async function idle(count, add) {
  const times = [];
  for (let n = 0; n < count; n++) {
    const started = process.hrtime.bigint();
    const begun = new Promise((resolve) => add(resolve));
    times.push(Number((await begun) - started) / 1e6);
    // The job's end is written before the next one comes.
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  return times;
}
