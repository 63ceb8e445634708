// The list of stations, with what each of them is doing in a line.

import { byId, element, keyed, plural, say, sayState } from "./dom.js";

const MOST = 200; // entries; who has more stations than that looks for one by its name
const order = new Intl.Collator("en", { numeric: true });

export const KIND = {
  Available: "good", Charging: "busy", Preparing: "warn", Finishing: "warn", SuspendedEV: "warn", SuspendedEVSE: "warn",
  Reserved: "warn", Unavailable: "quiet", Faulted: "bad",
};

export function showStations(known, { chosen, ready }) {
  const all = known.identities();
  const wanted = byId("find").value.trim().toLowerCase();
  const found = all
    .filter((identity) => wanted === "" || nameOf(known.station(identity)).toLowerCase().includes(wanted))
    .sort(order.compare);
  const shown = found.slice(0, MOST);
  keyed(byId("station-list"), shown, (identity) => identity, make, (node, identity) => {
    refresh(node, known, identity, identity === chosen);
  });
  say(byId("summary"), ready && all.length > 0 ? summary(known, all) : "");
  say(byId("station-note"), noteOf({ all, found, wanted, ready }));
}

function nameOf(station) {
  return [station.identity, station.vendor, station.model, station.serial_number].filter(Boolean).join(" ");
}

function summary(known, all) {
  const online = all.filter((identity) => known.station(identity).online).length;
  const charging = all.flatMap((identity) => known.of("connectors", identity)).filter((one) => one.status === "Charging");
  return `${plural(all.length, "station")}, ${online} online, ${plural(charging.length, "connector")} charging`;
}

function noteOf({ all, found, wanted, ready }) {
  if (!ready) return "Asking the server what it knows …";
  if (all.length === 0) return "No station has been heard of yet. One that connects appears here by itself.";
  if (found.length === 0) return `No station has “${wanted}” in its name, vendor, model or serial number.`;
  if (found.length > MOST) return `Showing ${MOST} of ${found.length}. Type a part of a name to see others.`;
  return "";
}

function make(identity) {
  const link = element(
    "a",
    { href: `#station=${encodeURIComponent(identity)}` },
    element("span", { class: "name" }, identity),
    element("span", { class: "state quiet" }),
    element("span", { class: "doing" }),
  );
  return element("li", {}, link);
}

function refresh(node, known, identity, chosen) {
  const link = node.firstChild;
  const [, state, doing] = link.children;
  const { online } = known.station(identity);
  sayState(state, online ? "online" : "offline", online ? "good" : "quiet");
  say(doing, whatItDoes(known.of("connectors", identity)));
  if (chosen) link.setAttribute("aria-current", "true");
  else link.removeAttribute("aria-current");
}

function whatItDoes(connectors) {
  const counts = new Map();
  for (const { connector_id, status } of connectors) {
    if (connector_id > 0) counts.set(status, (counts.get(status) ?? 0) + 1);
  }
  const words = [...counts].map(([status, count]) => (count === 1 ? status : `${count} × ${status}`));
  return words.join(", ") || "no connector reported";
}
