// What the address says is to be shown: a reload, a bookmark or somebody else needs no more in order to see the same.

/** `{conversation, stream}`, each null where the address does not name it. */
export function fromAddress() {
  const found = new URLSearchParams(location.hash.slice(1));
  return { conversation: found.get("conversation") || null, stream: found.get("stream") || null };
}

/** Has the address name one answer, or a conversation, or nothing. */
export function toAddress({ conversation = null, stream = null }) {
  const named = stream ? { stream } : conversation ? { conversation } : null;
  history.replaceState(null, "", location.pathname + location.search + (named ? `#${new URLSearchParams(named)}` : ""));
}
