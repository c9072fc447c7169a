// The live feed: one socket, opened again whenever it ends. It hands messages on and judges none.

import { address } from "./api.js";
import { token } from "./session.js";

const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 15_000;
// The server sends queue counts every 5 s: a socket that is silent for so long is dead without knowing it.
const SILENCE = 30_000;
const NOT_ADMITTED = 4401;

/**
 * Follows the feed until `stop()` is called on what it returns.
 * `heard(message)`; `state("connecting" | "live" | "waiting", seconds)`;
 * `refused()` when the server lets the token in no longer;
 * `check()` runs before each attempt and says whether to go on: a browser hides why a socket was refused.
 */
export function follow({ heard, state, refused, check }) {
  let socket = null;
  let pause = FIRST_PAUSE;
  let timer = null;
  let silence = null;
  let stopped = false;

  const listening = () => {
    clearTimeout(silence);
    silence = setTimeout(() => lost(), SILENCE);
  };

  const lost = () => {
    const old = socket;
    socket = null;
    old?.close();
    clearTimeout(silence);
    if (stopped) return;
    const wait = pause * (0.75 + Math.random() / 2);
    pause = Math.min(pause * 2, LONGEST_PAUSE);
    state("waiting", Math.ceil(wait / 1000));
    timer = setTimeout(open, wait);
  };

  async function open() {
    clearTimeout(timer);
    state("connecting");
    const goOn = await check().catch(() => false);
    if (stopped || socket) return;
    if (!goOn) return lost();
    const url = address("monitoring/live", true);
    url.searchParams.set("token", token());
    const mine = new WebSocket(url);
    socket = mine;
    listening();
    mine.onmessage = ({ data }) => {
      if (mine !== socket) return;
      listening();
      const message = JSON.parse(data);
      if (message.type === "hello") {
        pause = FIRST_PAUSE;
        state("live");
      }
      heard(message);
    };
    mine.onclose = ({ code }) => {
      if (mine !== socket) return;
      if (code === NOT_ADMITTED) refused();
      else lost();
    };
  }

  // Whoever looks at the page again, or is back on the network, does not want to wait.
  const sooner = () => {
    if (!socket && !stopped && document.visibilityState === "visible") {
      pause = FIRST_PAUSE;
      open();
    }
  };
  addEventListener("online", sooner);
  document.addEventListener("visibilitychange", sooner);
  open();

  return {
    stop() {
      stopped = true;
      clearTimeout(timer);
      clearTimeout(silence);
      removeEventListener("online", sooner);
      document.removeEventListener("visibilitychange", sooner);
      const old = socket;
      socket = null;
      old?.close();
    },
  };
}
