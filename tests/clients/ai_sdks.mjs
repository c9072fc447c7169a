// Answers before the libraries that pages and programs read models with: npm's `ai` (the AI SDK) and `openai`.
import assert from "node:assert/strict";
import { readUIMessageStream } from "ai";
import { createParser } from "eventsource-parser";
import { Stream } from "openai/streaming";
import { Page, complete, openai } from "./ai_chats.mjs";
import { within } from "./ai_provider.mjs";
import { range } from "./ai_readers.mjs";

/** The provider asks for two tools, of which nobody has the second; its next turn, once it was told what came of them. */
async function useTools(turn, world) {
  turn.say("Let me ");
  turn.say("look.\n");
  turn.use(0, "call_1", "locate", { of: "me" });
  turn.use(1, "call_2", "of.nobody", {});
  turn.end("tool_calls");
  const next = await world.turn();
  const results = next.asked.messages.filter(({ role }) => role === "tool");
  assert.deepEqual(results.map(({ tool_call_id }) => tool_call_id), ["call_1", "call_2"]);
  assert.equal(results[0].content, '{"place":"here"}');
  return next;
}

const give = (world, streamId, id) =>
  world.call("POST", `/ai/stream/${streamId}/tool-results`, { results: [{ id, output: { place: "here" } }] });

export async function the_ai_sdk_assembles_a_message_and_resumes_it_anywhere(world) {
  const used = [];
  const page = new Page(world, {
    async onToolCall({ toolCall: { toolCallId, toolName, input } }) {
      used.push({ toolCallId, toolName, input });
      await give(world, page.streamId, toolCallId);
    },
  });
  // The network breaks within the first text, while it is said, and the page comes again.
  page.breaksAt = 2;
  const sent = page.sendMessage({ text: "Where am I?" });
  const turn = await world.turn();
  assert.equal(turn.asked.messages.at(-1).content, "Where am I?");
  turn.say("So, ");
  await within(sent, "the break");
  assert.deepEqual([page.status, page.error.message, page.answer.parts.at(-1).text], ["error", "network error", "So, "]);
  page.breaksAt = Infinity;
  const resumed = page.resumeStream();
  const next = await useTools(turn, world);
  next.say("You are ");
  await page.shows("You are ");
  next.say("here.");
  next.end();
  await within(resumed, "the end of the message");

  const { answer, streamId } = page;
  assert.deepEqual(used, [{ toolCallId: "call_1", toolName: "locate", input: { of: "me" } }]);
  const { errorText } = answer.parts.find(({ type }) => type === "dynamic-tool");
  assert.match(errorText, /of\.nobody/);
  assert.deepEqual(answer.parts, [
    { type: "step-start" },
    { type: "text", text: "So, Let me look.\n", state: "done" },
    { type: "tool-locate", toolCallId: "call_1", state: "output-available", input: { of: "me" }, output: { place: "here" } },
    { type: "dynamic-tool", toolName: "of.nobody", toolCallId: "call_2", state: "output-error", input: {}, errorText, providerExecuted: true },
    { type: "step-start" },
    { type: "text", text: "You are here.", state: "done" },
  ]);
  const usage = { inputTokens: 22, outputTokens: 14, totalTokens: 36, estimated: false };
  assert.deepEqual(answer.metadata, { streamId, model: "m-2026", usage });
  const ends = page.finished.all.map(({ isError, isDisconnect, finishReason }) => ({ isError, isDisconnect, finishReason }));
  assert.deepEqual(ends, [
    { isError: true, isDisconnect: true, finishReason: undefined },
    { isError: false, isDisconnect: false, finishReason: "stop" },
  ]);
  assert.equal(page.status, "ready");

  // Others come later, and their network breaks behind any frame.
  for (const breaksAt of range(1, page.last)) {
    const other = new Page(world, { id: streamId });
    other.breaksAt = breaksAt;
    await within(other.resumeStream(), "the break");
    assert.deepEqual([other.status, other.last], ["error", breaksAt], `broken behind ${breaksAt}`);
    other.breaksAt = Infinity;
    await within(other.resumeStream(), "the rest");
    assert.equal(other.answered, breaksAt === page.last ? 204 : 200);
    assert.equal(other.status, "ready", `${other.error?.stack} behind ${breaksAt}`);
    assert.deepEqual(other.answer, answer, `resumed behind ${breaksAt}`);
  }

  // Without a chat: each state of the message.
  let last;
  const onError = (error) => assert.fail(error);
  for await (const state of readUIMessageStream({ stream: await new Page(world, { id: streamId }).read(), onError })) last = state;
  assert.deepEqual(JSON.parse(JSON.stringify(last)), answer);
}

export async function the_ai_sdk_keeps_what_was_said_before_a_stop(world) {
  const page = new Page(world);
  const sent = page.sendMessage({ text: "Tell me a story." });
  const turn = await world.turn();
  turn.say("Once");
  await page.shows("Once");
  const stopped = await world.call("POST", `/ai/stream/${page.streamId}/stop`, {});
  assert.deepEqual([stopped.status, stopped.finishReason], ["stopped", "stopped"]);
  await within(turn.gone, "the end of the provider's connection");
  await within(sent, "the end of the message");
  const [{ isError, finishReason }] = page.finished.all;
  assert.deepEqual([page.status, isError, finishReason], ["ready", false, "other"]);
  assert.deepEqual(page.answer.parts, [{ type: "step-start" }, { type: "text", text: "Once", state: "done" }]);
}

export async function openais_client_accumulates_a_completion_and_goes_on_anywhere(world) {
  const client = openai(world);
  const stream = complete(client);
  const completed = stream.finalChatCompletion();
  // Looked at below, unless something else is wrong before.
  completed.catch(() => {});
  const used = [];
  stream.on("chunk", ({ choices }) => {
    for (const { id } of choices[0]?.delta.tool_calls ?? []) used.push(give(world, client.streamId, id));
  });
  const first = new Promise((resolve) => stream.once("content", resolve));
  const turn = await world.turn();
  turn.say("So, ");
  assert.equal(await within(first, "the first words"), "So, ");
  const next = await useTools(turn, world);
  next.say("You are here.");
  next.end("length");
  const completion = await within(completed, "the completion");
  assert.equal((await Promise.all(used)).length, 1);
  const { message, finish_reason } = completion.choices[0];
  assert.deepEqual([completion.choices.length, finish_reason, completion.object], [1, "length", "chat.completion"]);
  assert.deepEqual([message.role, message.content], ["assistant", "So, Let me look.\nYou are here."]);
  // Tools that the reader did not bring are none of its business.
  const [{ id: callId, type, function: called }, ...others] = message.tool_calls;
  assert.deepEqual([callId, type, called.name, called.arguments, others], ["call_1", "function", "locate", '{"of":"me"}', []]);
  assert.deepEqual(completion.usage, { prompt_tokens: 22, completion_tokens: 14, total_tokens: 36 });
  assert.equal(completion.model, "m-2026");
  assert.ok(Math.abs(completion.created - Date.now() / 1000) < 600, `${completion.created} is not now`);

  // Whoever comes again goes on with the chunks behind the last id that they have, wherever that is.
  const read = (last) => fetch(`${world.url}/ai/stream/${client.streamId}?format=openai&lastEventId=${last}`, { headers: world.headers });
  const events = [];
  createParser({ onEvent: (event) => events.push(event) }).feed(await (await read("")).text());
  const chunks = events.slice(0, -1).map(({ data }) => JSON.parse(data));
  for (const { id, created } of chunks) assert.deepEqual([id, created], [completion.id, completion.created]);
  assert.equal(events.at(-1).data, "[DONE]");
  for (const [at, { id: last = "" }] of [{}, ...events.slice(0, -2)].entries()) {
    if (at > 0 && !last) continue;
    const rest = [];
    for await (const chunk of Stream.fromSSEResponse(await read(last), new AbortController())) rest.push(chunk);
    assert.deepEqual(rest, chunks.slice(at), `behind ${last}`);
  }
}
