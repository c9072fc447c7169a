// Assistants answer customers in chat, before Socket.IO's own client: heard as they speak, handed over, taken over, and
// gone on with after a crash. Whatever is heard is held against /asyncapi.json, which `run.mjs` reads.
import assert from "node:assert/strict";
import { createInterface } from "node:readline";
import { within, withProvider } from "./ai_provider.mjs";
import { come, signUp } from "./chat.mjs";

const ANN = "ann@example.com";
const CHAT = `customer::${ANN}`;
const TRANSFER = "transfer_chat_to_agent";

/** The server with a provider, an assistant that has it answer, and a widget whose customers the assistant receives. */
const stage = (url, [token], { widget, assistant }, play) =>
  withProvider(url, token, async (world) => {
    const helper = { name: "helper", title: "Helper", description: "You help.", config: { provider: world.provider } };
    const create = (datatype, data) => world.call("POST", `/repository/create/${datatype}`, { data });
    await create("ai_assistant", { ...helper, ...assistant });
    const { sk } = await create("chat_config", { name: "widget", ai: "helper", queue: "sales", ...widget });
    return play(Object.assign(world, { configId: sk }));
  });

/** A client of the widget. */
const visit = async (url, token, configId, context) => record(await come(url, token, { context: { configId, ...context } }));

/** A client that keeps everything that it hears, in order, beside what is asked of it. */
function record(inbox) {
  inbox.came = [];
  inbox.socket.onAny((event, payload) => inbox.came.push({ event, payload }));
  return inbox;
}

const success = (answer) => {
  assert.equal(answer.success, true, JSON.stringify(answer));
  return answer;
};

/** The next `event` that has these fields, or an error that says what came. */
const hears = (inbox, event, fields = {}) =>
  within(inbox.until(event, fields), `${event} ${JSON.stringify(fields)}`, () => `; not asked for: ${inbox.unread}`);

const ask = async (phone, message) => success(await phone.ask("chat-message", { message }));

/** Each of them hears this of the answer next, and nothing else of it before. */
async function streams(inboxes, asked, told) {
  for (const inbox of inboxes) {
    const heard = await hears(inbox, "chat-stream");
    assert.deepEqual(heard, { chatId: asked.chatId, messageId: asked.messageId, ...told });
  }
}

/** The provider says this, and each of them hears it before anything else is said. */
async function says(turn, words, offset, inboxes, asked) {
  turn.say(words);
  await streams(inboxes, asked, { event: "chunk", data: words, offset });
}

/** Each of them hears the end of the answer, and then the message that it has become. */
async function becomes(inboxes, asked, content, end) {
  let message;
  for (const inbox of inboxes) {
    const { sk, ...told } = await hears(inbox, "chat-stream");
    assert.deepEqual(told, { chatId: asked.chatId, messageId: asked.messageId, ...end });
    message = await hears(inbox, "message", { type: "ai-assistant" });
    assert.deepEqual([message.sk, message.content, message.senderRole, message.fromName], [sk, content, "system", "Helper"]);
    const both = inbox.came.filter(({ payload }) => payload?.sk === sk).map(({ event }) => event);
    assert.deepEqual(both, ["chat-stream", "message"], "its end is told first, and both once");
  }
  return message;
}

/** What was said, by whoever asks for it: `type: content`. */
async function history(inbox) {
  const { history } = success(await inbox.ask("chat-history", { chatId: CHAT }));
  assert.deepEqual(history.map(({ seq }) => seq), history.map((_, at) => at + 1));
  return history.map(({ type, content }) => `${type}: ${content}`);
}

const decisions = async ({ call }) => (await call("GET", `/chat/decisions/${encodeURIComponent(CHAT)}`)).data;

/** What the provider is told was said. */
const told = ({ asked }) => asked.messages.filter(({ role }) => role !== "system").map(({ role, content }) => `${role}: ${content}`);

export async function a_customer_is_greeted_and_answered_as_the_words_come(url, ...tokens) {
  const widget = { aiGreeting: "Hello, I am Helper." };
  await stage(url, tokens, { widget }, async (world) => {
    const { configId, call, turn } = world;
    const anns = await signUp(url, ANN);
    const first = await visit(url, anns, configId);
    const greeting = await hears(first, "message");
    assert.deepEqual([greeting.content, greeting.type, greeting.fromName], [widget.aiGreeting, "ai-assistant", "Helper"]);
    first.socket.io.engine.close();
    // With what it has, and as a page that knows nothing.
    const back = await visit(url, anns, configId, { lastSeq: greeting.seq });
    const phone = await visit(url, anns, configId);
    assert.deepEqual(await history(phone), ["ai-assistant: Hello, I am Helper."]);
    assert.equal(world.asked, 0, "a greeting is nobody's answer");

    const asked = await ask(phone, "Where is my order?");
    assert.deepEqual([asked.routedTo, asked.seq], ["assistant", 2]);
    const speaking = await turn();
    assert.deepEqual(told(speaking), ["assistant: Hello, I am Helper.", "user: Where is my order?"]);
    assert.match(speaking.asked.messages[0].content, /^You help\.\n\nYou answer a customer, ann/);
    await says(speaking, "It is 🚚 ", 0, [phone, back], asked);
    // Whoever comes in the middle hears all of it so far, and then as the others do.
    const bob = record(await come(url, tokens[1]));
    success(await bob.ask("observe-chat", { chatId: CHAT }));
    const laptop = await visit(url, anns, configId, { lastSeq: asked.seq });
    await streams([bob, laptop], asked, { event: "chunk", data: "It is 🚚 ", offset: 0 });
    const all = [phone, back, bob, laptop];
    await says(speaking, "on its way.", 9, all, asked);
    speaking.end();
    const answer = await becomes(all, asked, "It is 🚚 on its way.", { event: "end", finishReason: "stop" });

    const said = ["ai-assistant: Hello, I am Helper.", "user: Where is my order?", "ai-assistant: It is 🚚 on its way."];
    assert.deepEqual(await history(phone), said);
    const kept = (await call("GET", `/chat/history/${encodeURIComponent(CHAT)}`)).data.at(-1);
    assert.deepEqual([kept.sk, kept.seq, kept.content], [answer.sk, 3, answer.content]);
    assert.equal((await decisions(world)).at(-1).outcome, "assisted");
    for (const inbox of all) {
      const heard = inbox.came.filter(({ event }) => event === "message").map(({ payload }) => payload.seq);
      assert.deepEqual(heard, [...new Set(heard)], "nothing twice");
      inbox.close();
    }
  });
}

export async function an_assistant_uses_tools_between_its_words(url, ...tokens) {
  const assistant = { tools: ["server.memory.*"] };
  await stage(url, tokens, { assistant }, async ({ configId, turn }) => {
    const phone = await visit(url, await signUp(url, ANN), configId);
    const bob = record(await come(url, tokens[1]));
    const asked = await ask(phone, "My colour is green");
    success(await bob.ask("observe-chat", { chatId: CHAT }));
    const both = [phone, bob];
    const first = await turn();
    const names = first.asked.tools.map((tool) => tool.function.name);
    assert.deepEqual(names, ["store", "retrieve", "delete"].map((name) => `server__memory__${name}`).concat(TRANSFER));
    await says(first, "I note that. ", 0, both, asked);
    const [name, input] = ["server.memory.store", { key: "colour", value: "green" }];
    first.use(0, "call_1", "server__memory__store", input);
    first.end("tool_calls");
    await streams(both, asked, { event: "tool-use", data: { id: "call_1", name, input } });
    const output = { stored: true };
    await streams(both, asked, { event: "tool-result", data: { id: "call_1", name, output, isError: false } });
    // The provider is told, and goes on.
    const second = await turn();
    const [call, result] = second.asked.messages.slice(-2);
    assert.deepEqual([call.role, call.content, call.tool_calls[0].id], ["assistant", "I note that. ", "call_1"]);
    assert.deepEqual([result.role, result.tool_call_id, JSON.parse(result.content)], ["tool", "call_1", output]);
    await says(second, "Done.", 13, both, asked);
    second.end();
    await becomes(both, asked, "I note that. Done.", { event: "end", finishReason: "stop" });
    both.forEach((inbox) => inbox.close());
  });
}

export async function an_assistant_hands_over_by_its_tool(url, ...tokens) {
  await stage(url, tokens, {}, async (world) => {
    const phone = await visit(url, await signUp(url, ANN), world.configId);
    const [bob, eve] = [record(await come(url, tokens[1])), record(await come(url, tokens[2]))];
    const asked = await ask(phone, "I want my money back");
    assert.equal(asked.routedTo, "assistant");
    const speaking = await world.turn();
    const [{ function: offered }, ...more] = speaking.asked.tools;
    assert.deepEqual([offered.name, offered.parameters.required, more], [TRANSFER, ["reason", "summary"], []]);
    await says(speaking, "I hand you over.", 0, [phone], asked);
    const summary = "Ann wants a refund of order 7.";
    speaking.use(0, "call_1", TRANSFER, { reason: "a refund", summary, skill: "refunds" });
    speaking.end("tool_calls");
    await becomes([phone], asked, "I hand you over.", { event: "end", finishReason: "stopped" });
    assert.deepEqual((({ chatId, queue, position }) => [chatId, queue, position])(await hears(phone, "queued")), [CHAT, "sales", 1]);
    for (const inbox of [bob, eve]) {
      const told = await hears(inbox, "queue-notification");
      assert.deepEqual([told.chatId, told.queue, told.skill, told.summary], [CHAT, "sales", "refunds", summary]);
    }
    const [received, handed] = await decisions(world);
    assert.deepEqual([received.outcome, handed.outcome, handed.place.queue], ["assisted", "queued", "sales"]);
    assert.equal(handed.words, "the assistant handed it over: a refund");

    assert.equal((await ask(phone, "Hello?")).routedTo, "queued");
    const picked = success(await bob.ask("pick-next", { queue: "sales" }));
    assert.deepEqual([picked.chat.chatId, picked.chat.summary, picked.chat.configId], [CHAT, summary, world.configId]);
    assert.equal((await hears(phone, "agent-assigned")).agent.email, "bob@example.com");
    assert.equal((await ask(phone, "Are you there?")).routedTo, "agent");
    assert.equal((await hears(bob, "message", { content: "Are you there?" })).from, ANN);
    assert.equal(world.asked, 1, "the assistant is not asked any more");
    for (const inbox of [phone, bob, eve]) inbox.close();
  });
}

export async function a_widgets_rules_have_the_staff_go_on(url, ...tokens) {
  const widget = { aiHandover: { words: ["Mitarbeiter"], afterAnswers: 2 } };
  await stage(url, tokens, { widget }, async (world) => {
    const bob = record(await come(url, tokens[1]));
    const anns = await signUp(url, ANN);
    const end = { event: "end", finishReason: "stop" };
    const answers = async (phone, words) => {
      const asked = await ask(phone, "Wo ist es?");
      assert.equal(asked.routedTo, "assistant");
      const speaking = await world.turn();
      speaking.say(words);
      speaking.end();
      await streams([phone], asked, { event: "chunk", data: words, offset: 0 });
      await becomes([phone], asked, words, end);
    };
    /** What the staff is told, and why it waits. */
    const waits = async (phone) => {
      await hears(phone, "queued");
      return [(await hears(bob, "queue-notification")).summary, (await decisions(world)).at(-1).words];
    };
    const close = async (phone) => {
      success(await phone.ask("close-chat", { chatId: CHAT }));
      await hears(phone, "chat-ended");
    };
    const phone = await visit(url, anns, world.configId);

    // At once.
    assert.equal((await ask(phone, "Einen MITARBEITER, bitte!")).routedTo, "queued");
    assert.equal((await waits(phone))[1], "the customer said “mitarbeiter”");
    assert.equal(world.asked, 0, "the assistant is not asked at all");
    await close(phone);

    // Behind so many answers. Words that are usual elsewhere are none of this widget's.
    await answers(phone, "Hier.");
    await answers(phone, "Dort.");
    assert.equal((await ask(phone, "Where is a human?")).routedTo, "queued");
    const [summary, words] = await waits(phone);
    assert.match(summary, /\nCustomer: Wo ist es\?\nAssistant: Dort\.\nCustomer: Where is a human\?$/);
    assert.equal(words, "the assistant has answered 2 times");
    await close(phone);

    // While the assistant speaks: it falls silent at that word.
    const asked = await ask(phone, "Wo ist es?");
    const speaking = await world.turn();
    await says(speaking, "Das weiß", 0, [phone], asked);
    assert.equal((await ask(phone, "Mitarbeiter?")).routedTo, "queued");
    await within(speaking.gone, "the end of the provider's connection");
    await becomes([phone], asked, "Das weiß", { event: "end", finishReason: "stopped" });
    assert.equal((await waits(phone))[1], "the customer said “mitarbeiter”");
    assert.deepEqual((await history(phone)).slice(-3), ["user: Wo ist es?", "ai-assistant: Das weiß", "user: Mitarbeiter?"]);
    assert.equal(world.asked, 3);
    for (const inbox of [phone, bob]) inbox.close();
  });
}

export async function whoever_takes_over_silences_the_assistant(url, ...tokens) {
  await stage(url, tokens, {}, async (world) => {
    const anns = await signUp(url, ANN);
    const takes = {
      takeover: async (bob) => {
        const { chat } = success(await bob.ask("takeover-chat", { chatId: CHAT }));
        assert.deepEqual([chat.chatId, chat.agent.email], [CHAT, "bob@example.com"]);
        assert.match(chat.summary, /Customer: Where is my order\?\nAssistant: Let me see$/);
      },
      writes: async (bob) => success(await bob.ask("sendMessage", { to: ANN, content: "I take this." })),
    };
    for (const [how, take] of Object.entries(takes)) {
      const phone = await visit(url, anns, world.configId);
      const bob = record(await come(url, tokens[1]));
      const asked = await ask(phone, "Where is my order?");
      const speaking = await world.turn();
      await says(speaking, "Let me see", 0, [phone], asked);
      success(await bob.ask("observe-chat", { chatId: CHAT }));
      await streams([bob], asked, { event: "chunk", data: "Let me see", offset: 0 });
      const had = world.asked;
      await take(bob);
      await becomes([phone, bob], asked, "Let me see", { event: "end", finishReason: "stopped" });
      await within(speaking.gone, "the end of the provider's connection");
      assert.equal((await hears(phone, "agent-assigned")).agent.email, "bob@example.com");
      const next = await ask(phone, `Are you there, ${how}?`);
      assert.equal(next.routedTo, "agent");
      assert.equal((await hears(bob, "message", { seq: next.seq })).content, `Are you there, ${how}?`);
      assert.equal((await decisions(world)).at(-1).agent, "bob@example.com");
      assert.equal(world.asked, had, "the assistant is not asked any more");
      assert.deepEqual((await history(phone)).filter((said) => /Let me see/.test(said)).length, how === "writes" ? 2 : 1);
      success(await bob.ask("close-chat", { chatId: CHAT, reason: "agent" }));
      for (const inbox of [phone, bob]) inbox.close();
    }
  });
}

export async function the_staff_goes_on_where_the_provider_fails(url, ...tokens) {
  await stage(url, tokens, {}, async (world) => {
    const anns = await signUp(url, ANN);
    const bob = record(await come(url, tokens[1]));
    /** One that breaks off has said something, which is kept. */
    const fails = async (fail, { code, said }) => {
      const phone = await visit(url, anns, world.configId);
      const asked = await ask(phone, "Where is my order?");
      const speaking = await world.turn();
      if (said) await says(speaking, said, 0, [phone], asked);
      await fail(speaking);
      const { error, sk, ...told } = await hears(phone, "chat-stream");
      assert.deepEqual(told, { chatId: CHAT, messageId: asked.messageId, event: "error", code });
      assert.match(error, /^failed to /);
      if (said) assert.equal((await hears(phone, "message", { sk })).content, said);
      else assert.equal(sk, null);
      await hears(phone, "queued");
      assert.match((await hears(bob, "queue-notification")).summary, /Customer: Where is my order\?/);
      assert.equal((await decisions(world)).at(-1).words, `the assistant failed: ${code}`);
      assert.equal((await ask(phone, "Hello?")).routedTo, "queued");
      assert.equal((await history(phone)).at(-2), said ? `ai-assistant: ${said}` : "user: Where is my order?");
      const { chat } = success(await bob.ask("pick-next", {}));
      assert.equal(chat.chatId, CHAT);
      success(await bob.ask("close-chat", { chatId: CHAT, reason: "agent" }));
      await hears(phone, "chat-ended");
      phone.close();
    };
    /** Before its first word it is asked three times, where that may help. */
    const thrice = (fail) => async (speaking) => {
      fail(speaking);
      for (let n = 0; n < 2; n++) fail(await world.turn());
    };
    await fails(thrice((speaking) => speaking.refuse(503, "Overloaded")), { code: "provider_unavailable" });
    await fails(thrice((speaking) => speaking.fail("Overloaded")), { code: "provider_unavailable" });
    await fails((speaking) => speaking.refuse(401, "Incorrect key"), { code: "provider_unauthorized" });
    await fails((speaking) => speaking.break(), { code: "stream_broken", said: "It is" });
    await fails((speaking) => speaking.fail("Overloaded"), { code: "provider_unavailable", said: "It is" });
    assert.equal(world.asked, 9, "behind its first word it is not asked again");

    // It says nothing at all: that is no answer either.
    const phone = await visit(url, anns, world.configId);
    const asked = await ask(phone, "Where is my order?");
    (await world.turn()).end("content_filter");
    await streams([phone], asked, { event: "end", finishReason: "content_filter", sk: null });
    await hears(phone, "queued");
    assert.equal((await decisions(world)).at(-1).words, "the assistant gave no answer: content_filter");
    phone.close();
    bob.close();
  });
}

/** The server is killed in mid-answer and comes back: whoever runs this is asked for it in words. */
export async function an_answer_that_a_crash_cuts_is_asked_for_again_and_comes_once(url, ...tokens) {
  const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
  await stage(url, tokens, {}, async (world) => {
    const anns = await signUp(url, ANN);
    const before = await visit(url, anns, world.configId);
    const asked = await ask(before, "Where is my order?");
    const cut = await world.turn();
    await says(cut, "It is", 0, [before], asked);
    const broken = hears(before, "disconnect");
    console.log("kill");
    assert.equal((await lines.next()).value, "done");
    await Promise.all([broken, within(cut.gone, "the end of the provider's connection")]);

    // The provider is asked the same once more, though nobody has come back yet.
    const again = await world.turn();
    assert.deepEqual(again.asked, cut.asked);
    again.say("It is on ");
    const phone = await visit(url, anns, world.configId, { lastSeq: asked.seq });
    const bob = record(await come(url, tokens[1]));
    success(await bob.ask("observe-chat", { chatId: CHAT }));
    const both = [phone, bob];
    await streams(both, asked, { event: "chunk", data: "It is on ", offset: 0 });
    await says(again, "its way.", 9, both, asked);
    again.end();
    await becomes(both, asked, "It is on its way.", { event: "end", finishReason: "stop" });
    const said = ["user: Where is my order?", "ai-assistant: It is on its way."];
    assert.deepEqual(await history(phone), said);
    assert.deepEqual(await history(bob), said);
    assert.equal((await ask(phone, "Thanks!")).routedTo, "assistant");
    const next = await world.turn();
    assert.deepEqual(told(next), ["user: Where is my order?", "assistant: It is on its way.", "user: Thanks!"]);
    assert.equal(world.asked, 3);
    both.forEach((inbox) => inbox.close());
  });
}
