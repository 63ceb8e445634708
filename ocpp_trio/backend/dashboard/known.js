// What the feed has told: stations, connectors, transactions, latest meter values, and the last lines of the log.
// Knows nothing of the page.

import { Power } from "./power.js";

const LINES = 200; // of the log; more than anybody scrolls through
const KEY = {
  stations: () => "",
  connectors: (value) => String(value.connector_id),
  transactions: (value) => String(value.transaction_id),
  meter_values: (value) => String(value.connector_id),
};

export class Known {
  constructor() {
    this.tables = { stations: new Map(), connectors: new Map(), transactions: new Map(), meter_values: new Map() };
    this.power = new Power();
    this.lines = [];
    this.parts = new Map();
    this.count = 0;
  }

  /** The values of a topic of one station, by key. */
  of(topic, identity) {
    return [...(this.tables[topic].get(identity)?.values() ?? [])];
  }

  station(identity) {
    return this.tables.stations.get(identity)?.get("") ?? null;
  }

  identities() {
    return [...this.tables.stations.keys()];
  }

  /** A part of all that is known of a topic, of the named stations or (null) of all. */
  snapshot({ topic, values, more }, stations) {
    const parts = this.parts.get(topic) ?? [];
    parts.push(...values);
    this.parts.set(topic, parts);
    if (more) return;
    this.parts.delete(topic);
    if (stations === null) this.tables[topic] = new Map();
    else for (const identity of stations) this.tables[topic].delete(identity);
    for (const value of parts) this.put(topic, value.identity, KEY[topic](value), value);
  }

  change({ topic, change, identity, key, value, at }) {
    if (topic === "log") {
      this.line(identity, at, value.text);
    } else if (change === "updated") {
      this.put(topic, identity, key, value);
    } else {
      const table = this.tables[topic].get(identity);
      table?.delete(key);
      if (table?.size === 0) this.tables[topic].delete(identity);
    }
  }

  /** A line of the log, of a frame or of our own. */
  line(identity, at, text) {
    this.count += 1;
    this.lines.unshift({ number: this.count, identity, at, text });
    this.lines.length = Math.min(this.lines.length, LINES);
  }

  /** A connection that breaks within a snapshot begins anew. */
  forgetParts() {
    this.parts.clear();
  }

  put(topic, identity, key, value) {
    if (!this.tables[topic].has(identity)) this.tables[topic].set(identity, new Map());
    this.tables[topic].get(identity).set(key, value);
    if (topic === "meter_values") this.power.take(value);
  }
}
