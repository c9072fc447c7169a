// How others lose messages, or say them twice, when a connection breaks: each fault that was reported to them is a
// scenario here. What they report beside these is in chat.mjs (whoever_was_away_hears_what_they_missed: events of a
// time without a connection are discarded; more is missed than a buffer in memory holds) and in the tests of the
// machine (recovery.rs: a rebuilt session, a client that does not keep up, days between the drop and the return).
import assert from "node:assert/strict";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { io } from "socket.io-client";
import { ORG, come, hear, numbers, signUp } from "./chat.mjs";

const ANN = "customer::ann@example.com";
const anns = (url) => signUp(url, "ann@example.com");
const say = (desk, content) => desk.ask("sendMessage", { chatId: ANN, content });

/** The network ends: no goodbye of Socket.IO or of the engine. */
const cut = (inbox) => inbox.socket.io.engine.transport.ws.terminate();

/** Says many things, one after the other; their numbers. */
async function sayMany(desk, count) {
  const said = [];
  for (let n = 0; n < count; n++) said.push((await say(desk, `${n}`)).seq);
  return said;
}

/** A round trip behind everything that was sent before, after which nothing more is to come. */
const settle = (inbox) => inbox.ask("chat-history", { chatId: ANN, limit: 1 });

/** Nothing was heard before the drop, so a recovery by the last event's mark has no mark (Socket.IO 5538). */
export async function nothing_was_heard_before_the_drop(url, token) {
  const [desk, customer] = [await come(url, token), await anns(url)];
  const phone = await come(url, customer);
  cut(phone);
  const missed = await sayMany(desk, 10);
  const back = await come(url, customer, { context: { lastSeq: 0 } });
  assert.deepEqual(numbers(await hear(back, 10)), missed);
  assert.equal((await back.next("replayed")).count, 10);
  await settle(back);
  assert.deepEqual(back.unread.filter((event) => event === "message"), []);
}

/** The old connection is still there when the client comes back, and ends late (Socket.IO 4880). Time and again. */
export async function the_old_connection_dies_late(url, token) {
  const [desk, customer] = [await come(url, token), await anns(url)];
  let phone = await come(url, customer);
  let lastSeq = 0;
  for (let round = 0; round < 5; round++) {
    // Neither reads nor closes: what the server writes to it is lost on the way.
    phone.socket.io.engine.transport.ws._socket.pause();
    const missed = await sayMany(desk, 5);
    const back = await come(url, customer, { context: { lastSeq } });
    assert.deepEqual(numbers(await hear(back, 5)), missed, `round ${round}`);
    cut(phone);
    const after = await sayMany(desk, 5);
    assert.deepEqual(numbers(await hear(back, 5)), after, `round ${round}`);
    await settle(back);
    assert.deepEqual(back.unread.filter((event) => event === "message"), []);
    lastSeq = after.at(-1);
    phone = back;
  }
}

/** What is worth nothing later, such as typing, moves no mark (Socket.IO 5539), and is not repeated. */
export async function typing_moves_no_mark(url, token) {
  const [desk, customer] = [await come(url, token), await anns(url)];
  const phone = await come(url, customer);
  const [first] = await sayMany(desk, 1);
  await phone.next("message");
  const typing = (status) => desk.ask("shareStatus", { chatId: ANN, to: "ann@example.com", status });
  for (const status of ["typing", "idle"]) {
    await typing(status);
    assert.equal((await phone.next("status")).status, status);
  }
  cut(phone);
  await typing("typing");
  const missed = await sayMany(desk, 3);
  const back = await come(url, customer, { context: { lastSeq: first } });
  assert.deepEqual(numbers(await hear(back, 3)), missed);
  assert.deepEqual(missed, [first + 1, first + 2, first + 3]);
  await settle(back);
  assert.equal(back.unread.includes("status"), false);
}

/** What was repeated once is not repeated again (Socket.IO 5419), unless it is asked for. */
export async function nothing_is_repeated_again(url, token) {
  const [desk, customer] = [await come(url, token), await anns(url)];
  cut(await come(url, customer));
  const missed = await sayMany(desk, 5);
  for (const [lastSeq, expected] of [
    [0, missed],
    [missed[2], missed.slice(3)],
    [missed[4], []],
    [missed[4], []],
    // It does not say what it has: it asks for the history itself.
    [undefined, []],
    [0, missed],
  ]) {
    const back = await come(url, customer, { context: { lastSeq } });
    assert.deepEqual(numbers(await hear(back, expected.length)), expected);
    await settle(back);
    assert.deepEqual(back.unread.filter((event) => event === "message"), []);
    cut(back);
  }
}

/** What a client says is safe as well: said again, because its answer was lost, it is said once (Socket.IO 5363). */
export async function a_word_whose_answer_was_lost_is_said_once(url, token) {
  const [desk, customer] = [await come(url, token), await anns(url)];
  await desk.ask("join-chat", { chatId: ANN });
  for (let n = 0; n < 20; n++) {
    const word = { message: `${n}`, clientId: `c-${n}` };
    const phone = await come(url, customer);
    // Sent, and cut before the answer can have come.
    phone.emit("chat-message", word);
    const sent = phone.socket.io.engine.transport.ws;
    if (n % 2) await new Promise((resolve) => sent._socket.write("", resolve));
    cut(phone);
    const back = await come(url, customer);
    const taken = await back.ask("chat-message", word);
    assert.deepEqual([taken.success, taken.seq], [true, n + 1], JSON.stringify(taken));
    assert.deepEqual([(await desk.next("message")).content], [`${n}`]);
    back.close();
  }
  await settle(desk);
  assert.deepEqual(desk.unread.filter((event) => event === "message"), []);
}

/** An agent comes back to what another agent answered meanwhile, in each of their conversations (Chatwoot 14934). */
export async function an_agent_comes_back_to_what_a_colleague_said(url, token) {
  const chats = ["customer::a@example.com", "customer::b@example.com", "team"];
  const colleague = await come(url, token);
  const desk = await come(url, token);
  const cursors = {};
  for (const chatId of chats) {
    assert.equal((await desk.ask("join-chat", { chatId })).success, true);
    cursors[chatId] = (await colleague.ask("sendMessage", { chatId, content: "before" })).seq;
    assert.equal((await desk.next("message")).seq, cursors[chatId]);
  }
  cut(desk);
  for (const chatId of chats) {
    for (const content of ["one", "two"]) await colleague.ask("sendMessage", { chatId, content });
  }
  const back = await come(url, token, { context: { cursors } });
  const heard = await hear(back, 6);
  for (const chatId of chats) {
    const of = heard.filter((message) => message.chatId === chatId);
    assert.deepEqual(of.map((message) => message.content), ["one", "two"], chatId);
    assert.deepEqual(numbers(of), [cursors[chatId] + 1, cursors[chatId] + 2], chatId);
  }
  const told = [await back.next("replayed"), await back.next("replayed"), await back.next("replayed")];
  assert.deepEqual(told.map(({ chatId, count }) => `${chatId} ${count}`).sort(), chats.map((chat) => `${chat} 2`).sort());
  await settle(back);
  assert.deepEqual(back.unread.filter((event) => event === "message"), []);
}

/** Somebody whose client comes back by itself, with the number that it has, and says again what was not answered. */
class Steady {
  heard = [];
  #waiting = [];

  constructor(url, token, event) {
    this.event = event;
    this.socket = io(`${url}/chat`, {
      transports: ["websocket"],
      forceNew: true,
      reconnectionDelay: 20,
      reconnectionDelayMax: 100,
      auth: (give) => give({ token, orgId: ORG, context: { cursors: { [ANN]: this.heard.at(-1)?.seq ?? 0 } } }),
    });
    this.socket.on("message", (message) => {
      this.heard.push(message);
      this.#waiting = this.#waiting.filter(({ count, resolve }) => this.heard.length < count || resolve());
    });
  }

  /** Resolves when so many messages were heard. */
  hears(count) {
    if (this.heard.length >= count) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push({ count, resolve }));
  }

  /** Says something until it is taken. */
  async say(text) {
    for (;;) {
      if (!this.socket.connected) await once(this.socket, "connect");
      let taken;
      try {
        const word = { [this.event === "sendMessage" ? "content" : "message"]: text, chatId: ANN, clientId: `c ${text}` };
        taken = await this.socket.emitWithAck(this.event, word);
      } catch (error) {
        // The connection broke before the answer.
        assert.match(error.message, /disconnected/);
        continue;
      }
      if (taken.success) return taken;
      // One that is about to stop may say so.
      assert.match(taken.error, /^(busy|unavailable)$/, JSON.stringify(taken));
    }
  }
}

/** The server ends and comes back, asked to and killed, while two talk: whoever runs this is asked for it in words. */
export async function the_server_is_restarted_while_they_talk(url, token) {
  const LANES = 4;
  const WORDS = 60;
  const all = 2 * LANES * WORDS;
  const ann = new Steady(url, await anns(url), "chat-message");
  const desk = new Steady(url, token, "sendMessage");
  await Promise.all([once(ann.socket, "authenticate"), once(desk.socket, "authenticate")]);
  const taken = [];
  const lane = async (who, name) => {
    for (let n = 0; n < WORDS; n++) taken.push({ text: `${name} ${n}`, ...(await who.say(`${name} ${n}`)) });
  };
  const names = Array.from({ length: LANES }, (_, n) => n);
  const talk = Promise.all(names.flatMap((n) => [lane(ann, `ann${n}`), lane(desk, `desk${n}`)]));
  const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
  for (const [part, how] of [[1, "terminate"], [2, "kill"], [3, "terminate"], [4, "kill"], [5, "kill"]]) {
    await ann.hears((all * part) / 6);
    console.log(how);
    assert.equal((await lines.next()).value, "done");
  }
  await talk;
  await Promise.all([ann.hears(all), desk.hears(all)]);
  assert.equal(taken.length, all);
  for (const { heard } of [ann, desk]) {
    // Everything, once, in one order, the same for both.
    assert.deepEqual(numbers(heard), Array.from({ length: all }, (_, n) => n + 1));
    assert.equal(new Set(heard.map((message) => message.content)).size, all);
    for (const who of names.flatMap((n) => [`ann${n}`, `desk${n}`])) {
      const of = heard.map((message) => message.content).filter((text) => text.startsWith(`${who} `));
      assert.deepEqual(of, Array.from({ length: WORDS }, (_, n) => `${who} ${n}`), who);
    }
    // What was answered is what was heard.
    for (const { text, seq, messageId } of taken) {
      assert.deepEqual([heard[seq - 1].content, heard[seq - 1].sk], [text, messageId]);
    }
  }
  ann.socket.close();
  desk.socket.close();
}
