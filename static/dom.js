// Makes elements. Whatever comes from data goes in as text: nothing here, or elsewhere, parses HTML.

/** An element: `el("td", {class: "name", onclick: f, "aria-label": "…"}, "text", child, null)`. */
export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== ""));
  return element;
}

/** The element of an id. */
export const at = (id) => document.getElementById(id);

/** Sets a text only where it differs, so that readers and selections are left alone. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Shows a message in an element that hides while it has none. */
export function notice(element, text) {
  say(element, text ?? "");
  element.hidden = !text;
}
