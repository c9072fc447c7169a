// node run.mjs <scenario> <http://host:port> [<token> …]: exits with 0 when the scenario holds, with a reason when not.
import * as admission from "./admission.mjs";
import * as aiDesk from "./ai_desk.mjs";
import * as chat from "./chat.mjs";
import * as community from "./community.mjs";
import * as desk from "./desk.mjs";
import { faults, read } from "./described.mjs";
import * as events from "./events.mjs";
import * as recovery from "./recovery.mjs";
import * as streams from "./streams.mjs";
import * as transports from "./transports.mjs";
import * as vendors from "./vendors.mjs";
import * as whole from "./whole.mjs";

const scenarios = { ...admission, ...aiDesk, ...chat, ...community, ...desk, ...events, ...recovery, ...streams, ...transports, ...vendors, ...whole };
const [name, url, ...tokens] = process.argv.slice(2);
if (!scenarios[name]) {
  console.error(`no scenario ${name}; there are: ${Object.keys(scenarios).join(", ")}`);
  process.exit(2);
}
// A guard against waiting for ever, not a pause: nothing goes on when it fires.
setTimeout(() => {
  console.error(`scenario ${name} did not end within 170 s`);
  process.exit(3);
}, 170_000).unref();

try {
  await read(url);
  await scenarios[name](url, ...tokens);
  if (faults.length) throw new Error(`not as /asyncapi.json says:\n${[...new Set(faults)].slice(0, 5).join("\n")}`);
  process.exit(0);
} catch (error) {
  console.error(`scenario ${name}: ${error.stack ?? error}`);
  process.exit(1);
}
