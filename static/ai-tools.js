// A tool that this page uses itself, when the model asks for it: what time it is where the reader is.

import { giveResult } from "./ai-ask.js";

const CLOCK = {
  name: "browser_time",
  description: "The date, the time and the time zone of the person who asks.",
  inputSchema: { type: "object", properties: {} },
};

/** How tools of this page are described to the model. */
export const TOOLS = [CLOCK];

const uses = {
  [CLOCK.name]: () => ({ time: new Date().toString(), zone: Intl.DateTimeFormat().resolvedOptions().timeZone }),
};

/** Uses the tools that an answer asks for. */
export class Hands {
  #given;

  /** `asked` is a question of this tab: another reader's clock is not the one that is asked for. */
  constructor({ stream, given }) {
    this.stream = stream;
    this.#given = new Set(given);
  }

  /** Uses what is asked for, once. Whatever could not be given is given at the next call. */
  use(calls) {
    for (const { id, name } of calls) {
      if (!uses[name] || this.#given.has(id)) continue;
      this.#given.add(id);
      giveResult(this.stream, { id, output: uses[name]() }).catch((refused) => {
        // A refusal means that it was given already, or that nobody waits for it any more.
        if (refused.status === 0 || refused.status >= 500) this.#given.delete(id);
      });
    }
  }
}
