// Power out of meter values, and its curve.
// OCPP 1.6 section 7.43: no measurand means the energy register, no phase the overall value, no location the outlet.

const MINUTES = 10;
const SPAN = MINUTES * 60_000;
const POINTS = 600; // of a connector: one a second
const CONNECTORS = 64; // whose points are kept; the longest silent are forgotten first
const PHASES = new Set(["L1", "L2", "L3", "L1-N", "L2-N", "L3-N"]);
const SVG = "http://www.w3.org/2000/svg";
const MARGIN = { left: 56, right: 12, top: 12, bottom: 26 };
const HEIGHT = 200;

export class Power {
  constructor() {
    this.series = new Map();
  }

  /** The points of a station as [connector, {points, derived}], those of the last minutes before its latest. */
  of(identity) {
    const mine = [...this.series.values()].filter((one) => one.identity === identity && one.points.length > 0);
    const latest = Math.max(...mine.map((one) => one.points.at(-1).at));
    return mine
      .map((one) => ({ ...one, points: one.points.filter((point) => point.at > latest - SPAN) }))
      .filter((one) => one.points.length > 0)
      .sort((a, b) => a.connector - b.connector);
  }

  take(reading) {
    const key = JSON.stringify([reading.identity, reading.connector_id]);
    const one = this.series.get(key) ?? {
      identity: reading.identity, connector: reading.connector_id, points: [], register: null, derived: false,
    };
    this.series.delete(key);
    this.series.set(key, one);
    if (this.series.size > CONNECTORS) this.series.delete(this.series.keys().next().value);
    for (const value of reading.values) this.sample(one, value);
  }

  sample(one, { timestamp, sampledValue }) {
    const at = Date.parse(timestamp);
    const last = one.points.at(-1)?.at ?? -Infinity;
    if (Number.isNaN(at) || at <= last) return; // told again in a snapshot, or late
    const measured = powerOf(sampledValue);
    const register = registerOf(sampledValue);
    if (measured !== null) {
      one.points.push({ at, watts: measured });
      one.derived = false;
    } else if (register !== null && one.register !== null && at > one.register.at && register >= one.register.value) {
      one.points.push({ at, watts: ((register - one.register.value) * 3_600_000) / (at - one.register.at) });
      one.derived = true;
    }
    if (register !== null) one.register = { at, value: register };
    if (one.points.length > POINTS) one.points.shift();
  }
}

function powerOf(samples) {
  const found = readable(samples, "Power.Active.Import", { kW: 1000 });
  const overall = found.find((sample) => sample.phase === undefined);
  if (overall !== undefined) return overall.number;
  const phases = found.filter((sample) => PHASES.has(sample.phase));
  return phases.length > 0 ? phases.reduce((sum, sample) => sum + sample.number, 0) : null;
}

function registerOf(samples) {
  const found = readable(samples, "Energy.Active.Import.Register", { kWh: 1000 });
  return found.find((sample) => sample.phase === undefined)?.number ?? null;
}

function readable(samples, measurand, factors) {
  return samples
    .filter((sample) => (sample.measurand ?? "Energy.Active.Import.Register") === measurand)
    .filter((sample) => sample.format !== "SignedData" && (sample.location ?? "Outlet") === "Outlet")
    .map((sample) => ({ phase: sample.phase, number: Number(sample.value) * (factors[sample.unit] ?? 1) }))
    .filter((sample) => Number.isFinite(sample.number));
}

/** The curves of a station as an SVG as wide as `width`; `label` is what it says to those who do not see it. */
export function curve(series, width, { label, name, clock }) {
  const all = series.flatMap((one) => one.points);
  const end = Math.max(...all.map((point) => point.at));
  const from = Math.min(end - 60_000, ...all.map((point) => point.at));
  const ticks = steps(Math.max(...all.map((point) => point.watts), 1));
  const inner = { width: width - MARGIN.left - MARGIN.right, height: HEIGHT - MARGIN.top - MARGIN.bottom };
  const x = (at) => MARGIN.left + ((at - from) / (end - from)) * inner.width;
  const y = (value) => MARGIN.top + inner.height - (value / ticks.at(-1)) * inner.height;
  const drawing = svg("svg", { viewBox: `0 0 ${width} ${HEIGHT}`, height: HEIGHT, role: "img", "aria-label": label });
  const unit = ticks.at(-1) < 1000 ? ["W", 1] : ["kW", 1000];
  for (const tick of ticks) {
    drawing.append(svg("line", { class: "grid", x1: MARGIN.left, x2: width - MARGIN.right, y1: y(tick), y2: y(tick) }));
    drawing.append(note(MARGIN.left - 8, y(tick) + 4, "end", `${trim(tick / unit[1])} ${unit[0]}`));
  }
  drawing.append(note(MARGIN.left, HEIGHT - 6, "start", clock(from)), note(width - MARGIN.right, HEIGHT - 6, "end", clock(end)));
  series.forEach((one, number) => drawing.append(...line(one, number % 4, x, y, series.length > 1 ? name(one) : "")));
  return drawing;
}

function line(one, number, x, y, name) {
  const points = one.points.map((point) => `${x(point.at).toFixed(1)},${y(point.watts).toFixed(1)}`).join(" ");
  const last = one.points.at(-1);
  const drawn = [
    svg("polygon", { class: "area", points: `${x(one.points[0].at)},${y(0)} ${points} ${x(last.at)},${y(0)}` }),
    svg("polyline", { class: `curve dash-${number}`, points }),
    svg("circle", { class: "point", cx: x(last.at), cy: y(last.watts), r: 4 }),
  ];
  if (name) drawn.push(note(x(last.at) - 8, y(last.watts) - 8, "end", name));
  return drawn;
}

/** Round values from 0 to one that is not below the highest. */
function steps(highest) {
  const power = 10 ** Math.floor(Math.log10(highest / 3));
  const size = [1, 2, 5, 10].map((factor) => factor * power).find((step) => step * 4 >= highest);
  return Array.from({ length: Math.ceil(highest / size) + 1 }, (_, number) => number * size);
}

function trim(number) {
  return String(Number(number.toFixed(3)));
}

function note(x, y, anchor, text) {
  const made = svg("text", { x, y, "text-anchor": anchor });
  made.textContent = text;
  return made;
}

function svg(name, attributes) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}
