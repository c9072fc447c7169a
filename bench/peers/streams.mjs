// A relay of answers as its makers' documentation shows it, with OpenAI's own package and nothing around it, for
// bench/run streams. `node streams.mjs BASE` prints where it serves: a POST asks the provider at BASE, and each chunk is
// written to whoever asked. `node streams.mjs read FILE BYTES TIMES` reads a recorded answer in pieces of so many bytes, so
// often, and prints how many seconds that took and how many words there were.

import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { json } from "node:stream/consumers";
import OpenAI from "openai";
import { Stream } from "openai/core/streaming";

const [first, ...rest] = process.argv.slice(2);
if (first === "read") await read(...rest);
else relay(first);

function relay(baseURL) {
  const openai = new OpenAI({ baseURL, apiKey: "sk-bench", maxRetries: 0 });
  const server = createServer(async (request, response) => {
    try {
      const { message } = await json(request);
      const messages = [{ role: "user", content: message }];
      const answer = await openai.chat.completions.create({ model: "bench-1", stream: true, messages });
      response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
      for await (const chunk of answer) response.write(`data: ${JSON.stringify(chunk)}\n\n`);
      response.end("data: [DONE]\n\n");
    } catch (error) {
      console.error(error);
      response.destroy();
    }
  });
  server.listen(0, "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address().port}`));
}

async function read(path, bytes, times) {
  const answer = readFileSync(path);
  const once = async () => {
    let [at, words] = [0, 0];
    const pull = (controller) => {
      if (at >= answer.length) return controller.close();
      controller.enqueue(new Uint8Array(answer.subarray(at, (at += Number(bytes)))));
    };
    const response = new Response(new ReadableStream({ pull }));
    for await (const chunk of Stream.fromSSEResponse(response, new AbortController())) words += chunk.choices[0].delta.content ? 1 : 0;
    return words;
  };
  // Once before it counts.
  await once();
  const started = process.hrtime.bigint();
  let words = 0;
  for (let time = 0; time < Number(times); time++) words += await once();
  console.log(JSON.stringify([Number(process.hrtime.bigint() - started) / 1e9, words]));
}
