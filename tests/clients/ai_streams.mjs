// Answers as Server-Sent Events, before readers of such: curl, npm's `eventsource` and `eventsource-parser`.
import assert from "node:assert/strict";
import { createParser } from "eventsource-parser";
import { within } from "./ai_provider.mjs";
import { Listener, breaking, curl, parser, range } from "./ai_readers.mjs";

/** Words at which readers might break a line, an event or a character. */
const ODD = [
  ...["Grüße 👋🏽", "a\nb", "c\r\nd\re", "\n\ndata: {}\n\n", "id: 9\nevent: end\n"],
  ...["\u2028\u2029\u0085", ": no comment\n", '"\\', " ", "\ufeff"],
];

const words = (frames) => frames.filter(({ type }) => type === "chunk").map(({ data }) => data);

/** The two steps of the seed, letter by letter. */
export async function curl_reads_tokens_as_they_arrive({ url, token: JWT, turn }) {
  const started = await curl(
    ...["-X", "POST", `${url}/ai/agent/stream`],
    ...["-H", "orgid: my-org", "-H", `Authorization: Bearer ${JWT}`],
    ...["-H", "Content-Type: application/json"],
    ...["-d", '{ "agentId": "...", "message": "Hello" }'],
  ).end();
  const { streamId } = JSON.parse(started);
  const consume = ["-H", "orgid: my-org", "-H", `Authorization: Bearer ${JWT}`];
  const reading = curl("-N", `${url}/ai/stream/${streamId}`, ...consume);
  const said = await turn();
  assert.equal(said.asked.messages.at(-1).content, "Hello");
  const data = (out) => [...out.matchAll(/^data: (\{.*\})\n\n/gm)].map(([, data]) => data);
  for (const [at, word] of ODD.entries()) {
    said.say(word);
    // The beginning was told before it. The next is not said before this one has arrived.
    await reading.writes((out) => data(out).length === at + 2, `word ${at} from curl`);
  }
  said.end();
  const out = await reading.end();
  const frames = data(out).map((text) => JSON.parse(text));
  assert.deepEqual(words(frames), ODD);
  const { messageId, model } = frames[0];
  assert.deepEqual(frames[0], { type: "start", event: "start", streamId, messageId, model });
  const { sk } = frames.at(-1);
  assert.deepEqual(frames.slice(-2), [
    { type: "usage", event: "usage", inputTokens: 11, outputTokens: 7, estimated: false },
    { type: "end", event: "end", sk, finishReason: "stop" },
  ]);
  // Nothing else is on the wire but comments and, before each frame, its number.
  const numbered = data(out).map((text, at) => `id: ${at + 1}\ndata: ${text}\n\n`);
  const again = await curl("-N", `${url}/ai/agent/stream/${streamId}`, ...consume).end();
  for (const all of [out, again]) assert.equal(all.replaceAll(/^:.*\n/gm, ""), numbered.join(""));
}

export async function an_event_source_that_is_dropped_at_every_event_misses_nothing({ token, headers, begin }) {
  const { address, turn } = await begin();
  // One comes again by itself and by the header; one is closed and opened behind what it has; each at every event.
  const [live, late] = [breaking(headers), breaking(headers)];
  const byItself = new Listener("the one that comes by itself").open(address, live);
  const reopened = new Listener("the one that is opened again");
  const reopen = (source, last) => {
    source.onmessage = source.onerror = null;
    source.close();
    reopened.open(`${address}?token=${token}&lastEventId=${last}`, {}, reopen);
  };
  reopened.open(`${address}?token=${token}`, {}, reopen);
  // Nobody disturbs this one: it comes again after the end, in its own time.
  const steady = new Listener("the steady one").open(`${address}?token=${token}`);
  let behind;
  const told = range(1, 60).map((at) => `${at} ${ODD[at % ODD.length]}`);
  for (const [at, word] of told.entries()) {
    turn.say(word);
    // The beginning was told before it, as number 1.
    await Promise.all([byItself, reopened, steady].map((reader) => reader.hears(at + 2)));
    // This one comes late, and reads at its own pace what the others have had.
    if (at === 20) behind = new Listener("the one behind").open(address, late);
  }
  turn.end();
  const all = await steady.all();
  assert.deepEqual(words(all), told);
  assert.equal(all.length, 63);
  for (const frame of all) assert.equal(frame.event, frame.type);
  for (const reader of [byItself, reopened, behind]) assert.deepEqual(await reader.all(), all, reader.name);
  // At every event, and after the last one once.
  const asked = ["", ...range(1, 62)].map((last) => `${last} 200`).concat("63 204");
  assert.deepEqual(live.asked, asked);
  assert.deepEqual(late.asked, asked);
}

export async function a_parser_takes_a_body_that_is_cut_anywhere({ headers, begin }) {
  const { address, turn } = await begin();
  const answer = await within(fetch(address, { headers }), "an answer");
  assert.match(answer.headers.get("content-type"), /^text\/event-stream/);
  const live = parser(answer);
  for (const [at, word] of ODD.entries()) {
    turn.say(word);
    if (at === 0) assert.equal((await live.frame()).type, "start");
    assert.equal((await live.frame()).data, word);
  }
  turn.end();
  assert.deepEqual([(await live.frame()).type, (await live.frame()).type, await live.next()], ["usage", "end", undefined]);

  const parsed = (parts) => {
    const [events, decoder] = [[], new TextDecoder()];
    const onError = (error) => assert.fail(error);
    const cut = createParser({ onEvent: (event) => events.push(event), onError, onRetry: onError });
    for (const part of parts) cut.feed(decoder.decode(part, { stream: true }));
    return events;
  };
  for (const format of ["plain", "ui", "openai"]) {
    for (const last of ["", "4"]) {
      const answer = await fetch(`${address}?format=${format}&lastEventId=${last}`, { headers });
      const bytes = new Uint8Array(await within(answer.arrayBuffer(), `all of ${format}`));
      const whole = parsed([bytes]);
      if (format === "plain") {
        assert.deepEqual(whole.map(({ id }) => id), range(Number(last) + 1, ODD.length + 3).map(String));
        assert.deepEqual(words(whole.map(({ data }) => JSON.parse(data))), ODD.slice(Math.max(0, last - 1)));
      } else {
        assert.equal(whole.at(-1).data, "[DONE]");
        whole.slice(0, -1).forEach(({ data }) => JSON.parse(data));
      }
      for (const at of bytes.keys()) {
        assert.deepEqual(parsed([bytes.subarray(0, at), bytes.subarray(at)]), whole, `${format}, cut at ${at}`);
      }
      for (const size of range(1, 17)) {
        const parts = range(0, Math.floor(bytes.length / size)).map((at) => bytes.subarray(at * size, (at + 1) * size));
        assert.deepEqual(parsed(parts), whole, `${format} in pieces of ${size}`);
      }
    }
  }
}
