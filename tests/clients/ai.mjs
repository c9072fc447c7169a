// node ai.mjs <http://host:port> <token> [scenario …]: readers that share no code with the server read its answers of
// language models. Exits with 0 when all scenarios hold, with a reason when not.
import * as failures from "./ai_failures.mjs";
import * as sdks from "./ai_sdks.mjs";
import * as streams from "./ai_streams.mjs";
import * as tools from "./ai_tools.mjs";
import { withProvider } from "./ai_provider.mjs";

const scenarios = { ...streams, ...sdks, ...tools, ...failures };
const [url, token, ...wanted] = process.argv.slice(2);
const unknown = wanted.filter((name) => !scenarios[name]);
if (!token || unknown.length) {
  console.error(`node ai.mjs <url> <token> [scenario …], not ${unknown}; there are: ${Object.keys(scenarios).join(", ")}`);
  process.exit(2);
}
// A guard against waiting for ever, not a pause: nothing goes on when it fires.
setTimeout(() => {
  console.error("the scenarios did not end within 170 s");
  process.exit(3);
}, 170_000).unref();

let failed = 0;
for (const name of wanted.length ? wanted : Object.keys(scenarios)) {
  const began = performance.now();
  try {
    await withProvider(url, token, scenarios[name]);
    console.log(`ok    ${name}, ${Math.round(performance.now() - began)} ms`);
  } catch (error) {
    failed += 1;
    console.error(`FAIL  ${name}\n      ${error.stack ?? error}`);
  }
}
process.exit(failed === 0 ? 0 : 1);
