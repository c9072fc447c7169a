// A conversation with a language model. Answers are streams that belong to no page: whoever comes again reads them from
// the first frame, so that nothing is missing and nothing is there twice, and then hears what comes.

import { toAddress } from "./ai-address.js";
import { Answer } from "./ai-answer.js";
import { anyName, begin, keepAsked, lastAsked, readThread, stopAnswer, toAsk } from "./ai-ask.js";
import { followAnswer } from "./ai-stream.js";
import { Hands, TOOLS } from "./ai-tools.js";
import { alongside, state, toEnd, toField, trouble } from "./ai-view.js";
import { at } from "./dom.js";

const ENDS = { whole: ["good", "Answered"], stopped: ["off", "Stopped"], failed: ["bad", "Failed"] };
/** What is shown: `{conversation, answer, feed}`, the last answer and what follows it. Without a conversation it is one answer alone. */
let shown = null;
let dismiss = () => {};

/** Calls this, with the reason, when the server lets the token in no longer. */
export function onDismissed(act) {
  dismiss = act;
}

/** Shows nothing. */
export function closeTalk() {
  shown?.feed?.stop();
  shown = null;
  at("thread").replaceChildren();
  trouble(null);
}

/** Shows a conversation, a new one where none is named, or one answer alone. */
export function openTalk({ conversation, stream = null }) {
  closeTalk();
  const mine = { conversation: stream ? null : (conversation ?? lastAsked()?.conversation ?? anyName()), answer: null, feed: null };
  shown = mine;
  toAddress({ conversation: mine.conversation, stream });
  at("ask").hidden = Boolean(stream);
  at("nothing").hidden = true;
  state("off", "Ready");
  if (!stream) return load(mine);
  const asked = lastAsked()?.stream === stream ? lastAsked() : null;
  follow(mine, add(new Answer(asked?.question ?? null)), stream);
}

/** Shows what was said, and follows what is being said. */
async function load(mine) {
  const { conversation } = mine;
  const thread = await readThread(conversation).catch((refused) => {
    if (shown !== mine) return;
    if (isUnsigned(refused)) dismiss(refused.message);
    else trouble(refused.message, () => openTalk({ conversation }));
  });
  if (!thread || shown !== mine) return;
  const asked = lastAsked()?.conversation === conversation ? lastAsked() : null;
  // Whether the question was taken, nobody knows: asked under the same key, it is not asked twice.
  const isPending = asked && !asked.stream;
  const of = (stream) => thread.data.find(({ streamId }) => streamId === stream);
  const latest = thread.streamId ?? (asked && !of(asked.stream) ? asked.stream : thread.data.at(-1)?.streamId);
  // The last one is read from its stream, which tells of tools and errors, too.
  const last = isPending ? null : latest;
  const told = of(last);
  for (const exchange of thread.data) if (exchange !== told) add(Answer.past(exchange));
  at("nothing").hidden = thread.data.length > 0 || Boolean(last) || Boolean(isPending);
  if (isPending) ask(mine, add(new Answer(asked.question)), asked);
  else if (last) {
    const running = thread.streamId === last ? thread.question : null;
    follow(mine, add(new Answer(told?.question ?? running ?? (asked?.stream === last ? asked.question : null))), last, told);
  }
  toEnd();
  toField();
}

/** Asks, as often as it takes: under its key it is one question. */
async function ask(mine, answer, asked) {
  mine.answer = answer;
  keepAsked(asked);
  answer.triesAgain();
  state("wait", "Asking", { asks: true });
  try {
    const stream = await begin(asked);
    if (shown === mine) follow(mine, answer, stream);
  } catch (refused) {
    if (shown !== mine) return;
    if (isUnsigned(refused)) return dismiss(refused.message);
    // What was refused, a reload need not ask again; what nobody has answered may have been taken.
    if (refused.status >= 400 && refused.status < 500) keepAsked(null);
    if (refused.code === "answer_under_way") return giveWay(mine, asked, refused);
    answer.failed(refused.message);
    answer.offer("Try again", () => ask(mine, answer, asked));
    state(...ENDS.failed);
  }
}

/** Somebody else has asked in the same conversation: their answer is shown, and the question waits in its field. */
function giveWay({ conversation }, { question }, refused) {
  at("question").value = question;
  openTalk({ conversation });
  trouble(refused.message);
}

/** Follows an answer. `told` is what the conversation remembers of it, for when its stream can no longer be read. */
function follow(mine, answer, stream, told = null) {
  const asked = lastAsked()?.stream === stream ? lastAsked() : null;
  const hands = asked && new Hands(asked);
  const useTools = () => hands?.use(answer.openCalls());
  // A question that was taken although nobody said so may be among those of the conversation.
  for (const line of [...at("thread").children]) if (line.dataset.stream === stream) line.remove();
  answer.begins(stream);
  mine.answer = answer;
  mine.feed = followAnswer(stream, {
    heard(frames) {
      alongside(() => answer.heard(frames));
      useTools();
    },
    state(now, seconds) {
      if (now === "waiting") state("wait", `Connecting again in ${seconds} s`, { answers: true });
      else if (now === "live") state("busy", "Answering", { answers: true });
      else state("wait", answer.isBegun ? "Connecting again" : "Connecting", { answers: true });
      if (now === "live") useTools();
    },
    over(refused) {
      if (refused && isUnsigned(refused)) return dismiss(refused.message);
      alongside(() => {
        if (refused && told && !answer.isBegun) answer.remembered(told.answer);
        else if (refused) answer.failed(refused.message);
        if (answer.ended === "failed" && answer.question !== null && mine.conversation) {
          answer.offer("Ask again", () => put(answer.question, asked?.tools ?? []));
        }
      });
      state(...ENDS[answer.ended]);
    },
  });
}

/** Asks a new question in the conversation that is shown. */
function put(question, tools) {
  trouble(null);
  at("nothing").hidden = true;
  // Only the last answer can be asked for again: a conversation has one at a time.
  shown.answer?.offersNothing();
  ask(shown, add(new Answer(question)), toAsk(shown.conversation, question, tools));
  toEnd();
}

const isUnsigned = (refused) => [401, 403].includes(refused.status);

function add(answer) {
  at("thread").append(answer.element);
  return answer;
}

at("ask").addEventListener("submit", (submitted) => {
  submitted.preventDefault();
  const { question, clock } = submitted.target.elements;
  const text = question.value.trim();
  if (!text || at("send").disabled) return;
  question.value = "";
  put(text, clock.checked ? TOOLS : []);
});

at("question").addEventListener("keydown", (event) => {
  // An Enter that ends a word of an input method is none.
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  at("ask").requestSubmit();
});

at("stop").addEventListener("click", async () => {
  const { answer } = shown;
  // The button goes with the answer, and would take the focus with it.
  toField();
  at("stop").disabled = true;
  await stopAnswer(answer.stream).catch((refused) => {
    if (!answer.ended) trouble(`Not stopped: ${refused.message}`);
  });
  at("stop").disabled = false;
});

// The browser's way back leads to the conversation that is left.
at("new").addEventListener("click", () => (location.hash = `conversation=${anyName()}`));
