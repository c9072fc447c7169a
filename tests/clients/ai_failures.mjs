// A provider that fails in the middle: each reader has what was said until then, and hears of it in its own way.
import assert from "node:assert/strict";
import { readUIMessageStream } from "ai";
import { APIError } from "openai";
import { Page, complete, openai } from "./ai_chats.mjs";
import { within } from "./ai_provider.mjs";
import { Listener, breaking, curl, parser } from "./ai_readers.mjs";

async function everyReaderHears(world, fail) {
  const { url, token, headers, begin } = world;
  const { id, address, turn } = await begin();
  const line = curl("-N", address, "-H", "orgid: my-org", "-H", `Authorization: Bearer ${token}`);
  const listener = new Listener("the listener").open(address, breaking(headers, { breaks: false }));
  const events = parser(await within(fetch(address, { headers }), "an answer"));
  const page = new Page(world, { id });
  const resumed = page.resumeStream();
  const stream = complete(openai(world, id));
  const content = new Promise((resolve) => stream.once("content", resolve));
  const completed = stream.finalChatCompletion().catch((error) => error);
  const faults = [];
  const states = readUIMessageStream({ stream: await new Page(world, { id }).read(), onError: (error) => faults.push(error) });
  const reading = (async () => {
    let last;
    for await (const state of states) last = state;
    return last;
  })();

  turn.say("Half");
  await line.writes((out) => out.includes('"data":"Half"'), "the word from curl");
  await listener.hears(2);
  assert.deepEqual([(await events.frame()).type, (await events.frame()).data], ["start", "Half"]);
  await page.shows("Half");
  assert.equal(await within(content, "the word from OpenAI's client"), "Half");
  fail(turn);

  const frames = await listener.all();
  assert.deepEqual(frames.map(({ type }) => type), ["start", "chunk", "usage", "error"]);
  const { code, message, retryable } = frames.at(-1);
  assert.deepEqual(frames.at(-1), { type: "error", event: "error", code, message, retryable });
  const out = await line.end();
  assert.ok(out.endsWith(`id: 4\ndata: ${JSON.stringify(frames.at(-1))}\n\n`), out);
  assert.deepEqual([(await events.frame()).type, await events.frame(), await events.next()], ["usage", frames.at(-1), undefined]);

  await within(resumed, "the page's end");
  assert.deepEqual([page.status, page.error.message], ["error", message]);
  assert.deepEqual(page.answer.parts, [{ type: "step-start" }, { type: "text", text: "Half", state: "done" }]);
  assert.deepEqual(page.finished.all.map(({ isError, isDisconnect }) => [isError, isDisconnect]), [[true, false]]);
  const last = await within(reading, "the last state");
  assert.deepEqual(faults.map((error) => error.message), [message]);
  assert.deepEqual(last.parts, page.lastMessage.parts);

  const error = await within(completed, "the completion or its error");
  assert.ok(error instanceof APIError, String(error));
  assert.deepEqual([error.code, error.type, error.message], [code, "server_error", message]);
  return frames.at(-1);
}

export async function a_provider_that_says_that_it_fails_is_told_to_every_reader(world) {
  const { message } = await everyReaderHears(world, (turn) => turn.fail("The model is overloaded"));
  assert.match(message, /The model is overloaded/);
}

export async function a_provider_that_hangs_up_is_told_to_every_reader(world) {
  const { retryable } = await everyReaderHears(world, (turn) => turn.break());
  assert.equal(retryable, true);
}
