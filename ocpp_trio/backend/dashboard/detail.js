// One station: who it is, its connectors, its power, its transactions and its frames.

import { byId, element, energy, keyed, moment, plural, say, sayState, table, watts } from "./dom.js";
import { curve } from "./power.js";
import { KIND } from "./stations.js";

const TRANSACTIONS = 20; // shown; the API has the others

export function showStation(known, identity, { ready }) {
  const station = identity === null ? null : known.station(identity);
  byId("nothing").hidden = station !== null;
  byId("station").hidden = station === null;
  say(byId("nothing-text"), nothing(identity, ready));
  if (station === null) return;
  say(byId("station-title"), identity);
  sayState(byId("station-state"), station.online ? "online" : "offline", station.online ? "good" : "quiet");
  say(byId("station-news"), `${identity} is ${station.online ? "online" : "offline"}`);
  showFacts(station);
  showConnectors(known.of("connectors", identity));
  showTransactions(known.of("transactions", identity));
  showPower(known.power.of(identity));
  showValues(known.of("meter_values", identity));
}

function nothing(identity, ready) {
  if (identity === null) return "Choose a station to see what it does.";
  if (!ready) return "Asking the server what it knows …";
  return `Nothing has been heard of ${identity} lately. It appears here as soon as it connects.`;
}

function showFacts(station) {
  const facts = [
    ["Vendor", station.vendor],
    ["Model", station.model],
    ["Serial number", station.serial_number],
    ["Firmware", station.firmware],
    ["Boots", String(station.boots)],
    ["Last seen", moment(station.last_seen)],
  ].filter(([, value]) => value !== null);
  keyed(
    byId("facts"), facts, ([name]) => name,
    ([name]) => element("div", {}, element("dt", {}, name), element("dd")),
    (node, [, value]) => say(node.lastChild, value),
  );
}

function showConnectors(connectors) {
  table(byId("connectors"), {
    label: "Connectors",
    heads: ["Connector", "Status", "Since", "Error"],
    rows: [...connectors].sort((a, b) => a.connector_id - b.connector_id).map((one) => [
      one.connector_id === 0 ? "0, the station" : String(one.connector_id),
      [one.status, KIND[one.status] ?? "quiet"],
      moment(one.since),
      [one.error_code === "NoError" ? "none" : one.error_code, one.vendor_error_code, one.info].filter(Boolean).join(", "),
    ]),
    empty: "The station has not told the status of a connector yet.",
  });
}

function showTransactions(transactions) {
  const latest = [...transactions].sort((a, b) => b.transaction_id - a.transaction_id).slice(0, TRANSACTIONS);
  table(byId("transactions"), {
    label: "Transactions",
    heads: ["Number", "State", "Connector", "Tag", "Energy", "Started", "Stopped"],
    rows: latest.map((one) => [
      String(one.transaction_id),
      one.stopped_at === null ? ["running", "busy"] : [`stopped (${one.reason ?? "no reason told"})`, "quiet"],
      String(one.connector_id),
      one.id_tag,
      energy(one.meter - one.meter_start),
      moment(one.started_at),
      one.stopped_at === null ? "–" : moment(one.stopped_at),
    ]),
    empty: "No transaction of the last day.",
  });
}

let drawn = "";

function showPower(series) {
  const place = byId("plot");
  place.hidden = series.length === 0; // before it is measured: what is hidden has no width
  const width = Math.max(280, Math.floor(place.clientWidth));
  const told = JSON.stringify([width, series]);
  if (told === drawn) return;
  drawn = told;
  say(byId("plot-note"), plotNote(series));
  if (series.length === 0) return;
  const name = (one) => `connector ${one.connector}`;
  const label = series.map((one) => `Power of ${name(one)}: ${extent(one)}`).join("; ");
  place.replaceChildren(curve(series, width, { label, name, clock: moment }));
}

function extent({ points }) {
  const highest = Math.max(...points.map((point) => point.watts));
  return `${watts(points.at(-1).watts)} at ${moment(points.at(-1).at)}, highest ${watts(highest)}`;
}

function plotNote(series) {
  if (series.length === 0) return "No power was told yet. The curve begins with the next meter values.";
  const told = series.map((one) => `Connector ${one.connector}: ${extent(one)}.`).join(" ");
  const derived = series.some((one) => one.derived) ? " Worked out from the energy register." : "";
  return `${told}${derived} The last 10 minutes, by the station's own clock.`;
}

function showValues(readings) {
  const several = readings.length > 1;
  const rows = readings
    .sort((a, b) => a.connector_id - b.connector_id)
    .flatMap((reading) => (reading.values.at(-1)?.sampledValue ?? []).map((sample) => [
      ...(several ? [String(reading.connector_id)] : []),
      [sample.measurand ?? "Energy.Active.Import.Register", sample.phase, sample.location].filter(Boolean).join(", "),
      `${sample.value} ${unitOf(sample)}`.trim(),
      moment(reading.values.at(-1).timestamp),
    ]));
  byId("values").hidden = rows.length === 0; // the note above has said that there is nothing yet
  table(byId("values"), {
    label: "Latest meter values",
    heads: [...(several ? ["Connector"] : []), "Measured", "Value", "Taken"],
    rows,
    empty: "",
  });
}

/** OCPP 1.6 section 7.43: energy is in Wh unless it says so, and frequency has no unit of its own. */
function unitOf({ measurand = "Energy", unit }) {
  return unit ?? (measurand.startsWith("Energy") ? "Wh" : measurand === "Frequency" ? "Hz" : "");
}

export function showLog(lines, { identity, paused, watching }) {
  const mine = lines.filter((line) => line.identity === identity);
  keyed(byId("log"), mine, (line) => line.number, makeLine, () => {});
  const note = mine.length > 0 ? `${plural(mine.length, "line")}, the newest first.` : watching
    ? "No frame since this station was opened here."
    : "Asking the server for the frames …";
  say(byId("log-note"), paused ? `${note} Paused.` : note);
}

function makeLine({ at, text }) {
  const parts = /^(sent|received) (CALL|CALLRESULT|CALLERROR) (.*)$/s.exec(text);
  const line = element("li", {}, element("time", { datetime: at }, moment(at)), " ");
  if (parts === null) {
    line.append(element("span", { class: "event" }, text));
  } else {
    const [, direction, kind, rest] = parts;
    const shown = direction === "sent" ? "→ sent" : "← received";
    line.append(element("span", { class: `way ${direction}` }, `${shown} ${kind}`), " ", element("code", {}, rest));
  }
  return line;
}
