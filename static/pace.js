// When the server is asked again: soon after a quiet time, ever less often while things go on changing.
// Requests are limited, and a page that spends them all would shut its reader out.

const SHORTEST = 250;
const QUIET = 10_000;

export class Pace {
  #ask;
  #longest;
  #timer = null;
  #pause = SHORTEST;
  #asked = 0;
  #asking = null;
  #again = false;
  #stopped = false;

  /** `ask()` asks, never throws, and says whether it failed and is to be tried again after `longest`. */
  constructor(ask, longest) {
    this.#ask = ask;
    this.#longest = longest;
  }

  /** Something changed: asks before long. */
  soon() {
    if (this.#asking) {
      this.#again = true;
      return;
    }
    if (performance.now() - this.#asked > QUIET) this.#pause = SHORTEST;
    this.#timer ??= setTimeout(() => this.now(), this.#pause);
  }

  /** Somebody waits for what they have changed: asks as if it had been quiet. */
  hurry() {
    clearTimeout(this.#timer);
    this.#timer = null;
    this.#pause = SHORTEST;
    this.soon();
  }

  /** Asks at once; where an answer is under way, once more after it. */
  now() {
    if (this.#asking) this.#again = true;
    this.#asking ??= this.#turn();
    return this.#asking;
  }

  /** Asks no more. */
  stop() {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  async #turn() {
    clearTimeout(this.#timer);
    this.#timer = null;
    const failed = await this.#ask();
    this.#pause = failed ? this.#longest : Math.min(this.#pause * 2, this.#longest);
    this.#asked = performance.now();
    this.#asking = null;
    const again = this.#again || failed;
    this.#again = false;
    if (again && !this.#stopped) this.soon();
  }
}
