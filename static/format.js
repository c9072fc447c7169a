// Numbers, times and texts as people read them. Knows nothing of the page.

const compact = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
const whole = new Intl.NumberFormat("en");
const clockTime = new Intl.DateTimeFormat("en-GB", {
  hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3, hourCycle: "h23",
});
const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });

// A number and its unit stay on one line.
const GAP = "\u00a0";

/** 12345 as `12.3K`. */
export const short = (number) => compact.format(number);

/** 12345 as `12,345`. */
export const exact = (number) => whole.format(number);

/** A rate per second: `0`, `0.05`, `3.2`, `140`. */
export const rate = (number) => (number === 0 ? "0" : number < 1 ? number.toFixed(2) : number < 10 ? number.toFixed(1) : short(number));

/** Milliseconds as `31 ms`, `1.25 s`, `4 min 10 s`, `2 h 5 min`, `3 d 4 h`. */
export function duration(ms) {
  if (!Number.isFinite(ms)) return "";
  if (ms < 1000) return `${Math.max(0, Math.round(ms))}${GAP}ms`;
  if (ms < 10_000) return `${(ms / 1000).toFixed(2)}${GAP}s`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)}${GAP}s`;
  const pairs = [["d", 86_400_000, "h", 3_600_000], ["h", 3_600_000, "min", 60_000], ["min", 60_000, "s", 1000]];
  const [big, size, small, part] = pairs.find(([, size]) => ms >= size);
  const rest = Math.floor((ms % size) / part);
  return `${Math.floor(ms / size)}${GAP}${big}${rest ? ` ${rest}${GAP}${small}` : ""}`;
}

/** The time between two moments, or nothing when one is missing. */
export const between = (from, to) => (from && to ? duration(Date.parse(to) - Date.parse(from)) : "");

/** A moment as the local time of day, with the day where that is not today. */
export function time(moment) {
  const date = new Date(moment);
  if (Number.isNaN(date.getTime())) return "";
  const today = date.toDateString() === new Date().toDateString();
  return today ? clockTime.format(date) : `${day.format(date)} ${clockTime.format(date).slice(0, 8)}`;
}

/** `1 step`, `2 steps`. */
export const count = (number, noun) => `${exact(number)} ${noun}${number === 1 ? "" : "s"}`;

const isObject = (value) => value !== null && typeof value === "object";

/** What somebody would call the thing that an event is about: records hold it under `data`, changes under `data.data`. */
export function summary(data) {
  if (!isObject(data)) return data === null || data === undefined ? "" : String(data);
  const levels = [data?.data?.data, data?.data, data].filter(isObject);
  const first = (keys) => {
    const found = levels.flatMap((level) => keys.map((key) => level[key]));
    return found.find((text) => typeof text === "string" && text !== "");
  };
  const known = [first(["email", "name", "title", "subject"]), first(["sk", "id"])].filter(Boolean);
  const text = known.length > 0 ? known.join(" · ") : JSON.stringify(data);
  return text === "{}" ? "" : text.slice(0, 160);
}

/** Headers, one a line. */
export const head = (pairs) => (pairs ?? []).map(([name, value]) => `${name}: ${value}`).join("\n");

/** A value as JSON to read; a text that holds JSON is laid out too. */
export function pretty(value) {
  if (typeof value !== "string") return JSON.stringify(value, null, 2) ?? "";
  try {
    return JSON.stringify(JSON.parse(value), null, 2);
  } catch {
    return value;
  }
}
