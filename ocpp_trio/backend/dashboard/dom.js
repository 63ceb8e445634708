// Elements, lists that keep their elements, and numbers and times as people read them.
// Whatever a peer said becomes text here, and never markup.

/** An element with attributes and children; a string child becomes text. */
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children);
  return made;
}

export function byId(id) {
  return document.getElementById(id);
}

/** Sets the text if it is another one: a live region must not speak of what did not change. */
export function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** A state as a word, with a mark that has a shape and a colour of its own. */
export function sayState(node, word, kind) {
  say(node, word);
  const wanted = `state ${kind}`;
  if (node.className !== wanted) node.className = wanted;
}

const kept = new WeakMap();

/** Makes the children of `parent` follow `items`; one whose key stays keeps its element, and with it the focus. */
export function keyed(parent, items, keyOf, make, refresh) {
  const before = kept.get(parent) ?? new Map();
  const after = new Map();
  let place = parent.firstChild;
  for (const item of items) {
    const key = keyOf(item);
    const node = before.get(key) ?? make(item);
    refresh(node, item);
    after.set(key, node);
    if (node === place) place = place.nextSibling;
    else parent.insertBefore(node, place);
  }
  for (const [key, node] of before) if (after.get(key) !== node) node.remove();
  kept.set(parent, after);
}

/** Options of a select; the choice stays as long as it is there. */
export function choices(select, options) {
  const wanted = JSON.stringify(options);
  if (select.dataset.options === wanted) return;
  const chosen = select.value;
  select.replaceChildren(...options.map(([value, label]) => element("option", { value }, label)));
  if (options.some(([value]) => value === chosen)) select.value = chosen;
  select.dataset.options = wanted;
}

/** A table under `parent`, or the sentence for none; rows are lists of text or of [word, kind]. */
export function table(parent, { label, heads, rows, empty }) {
  const told = JSON.stringify([heads, rows]);
  if (parent.dataset.told === told) return;
  parent.dataset.told = told;
  if (rows.length === 0) {
    parent.removeAttribute("tabindex");
    parent.removeAttribute("role");
    parent.removeAttribute("aria-label");
    parent.replaceChildren(element("p", { class: "empty" }, empty));
    return;
  }
  parent.setAttribute("tabindex", "0"); // it scrolls sideways where it is too wide, also by keyboard
  parent.setAttribute("role", "region");
  parent.setAttribute("aria-label", label);
  // The roles are said because a narrow screen shows the rows as blocks, and browsers then take them for no table.
  const head = element("tr", { role: "row" }, ...heads.map((text) => element("th", { role: "columnheader" }, text)));
  const body = rows.map((row) => element("tr", { role: "row" }, ...row.map((each, place) => cell(each, heads[place]))));
  parent.replaceChildren(element(
    "table", { role: "table", "aria-label": label },
    element("thead", { role: "rowgroup" }, head),
    element("tbody", { role: "rowgroup" }, ...body),
  ));
}

function cell(content, head) {
  const attributes = { role: "cell", "data-head": head };
  if (!Array.isArray(content)) return element("td", attributes, content);
  const [word, kind] = content;
  return element("td", attributes, element("span", { class: `state ${kind}` }, word));
}

const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric" });

/** A moment in the reader's time zone: the time, and the day if it is not today. */
export function moment(stamp) {
  const date = new Date(stamp);
  if (Number.isNaN(date.getTime())) return "–";
  const time = clock.format(date);
  return date.toDateString() === new Date().toDateString() ? time : `${day.format(date)}, ${time}`;
}

export function energy(wattHours) {
  return Math.abs(wattHours) < 1000 ? `${wattHours} Wh` : `${(wattHours / 1000).toFixed(2)} kWh`;
}

export function watts(value) {
  return Math.abs(value) < 1000 ? `${Math.round(value)} W` : `${(value / 1000).toFixed(1)} kW`;
}

export function plural(number, word) {
  return `${number} ${word}${number === 1 ? "" : "s"}`;
}
