// The live feed: one WebSocket, opened again with growing pauses, that resumes where it was.
// Knows the messages of /api/feed and nothing of what is done with them.

const PROTOCOL = "ocpp-trio.feed";
const TOKEN_PROTOCOL = "ocpp-trio.token.";
const OVERVIEW = ["stations", "connectors", "transactions"];
const DETAIL = ["meter_values", "log"];
const FIRST_PAUSE = 500; // ms; doubled after each attempt that fails
const LONGEST_PAUSE = 30_000;
const SILENCE = 45_000; // ms without a message, after which the server is asked whether it is there
const PATIENCE = 10_000; // ms for an answer to that
const SETTLE = 300; // ms: the server takes five messages a second from a client

/** What every request to the API has to bear. */
export function authorization(token) {
  return token === null ? {} : { Authorization: `Bearer ${token}` };
}

export class Feed {
  /** `told` has: state(word), watching(identity), snapshot(message, stations), change(message), broken(), gap(). */
  constructor(token, told) {
    this.token = token;
    this.told = told;
    this.station = null;
    this.stream = null;
    this.groups = { overview: group(OVERVIEW), detail: group(DETAIL) };
    this.pause = FIRST_PAUSE;
    this.socket = null;
    this.greeted = false;
    this.attempt = 0;
    this.calming = null;
    this.watched = 0;
    this.stopped = false;
  }

  /** Connect now, whatever pause is on. */
  async connect() {
    this.drop();
    const attempt = this.attempt;
    this.told.state("connecting");
    const answer = await this.ask("/api/stations?limit=1");
    if (this.stopped || attempt !== this.attempt) return;
    if (answer === 401) this.told.state("refused");
    else if (answer === 200) this.open();
    else this.later();
  }

  stop() {
    this.stopped = true;
    this.drop();
  }

  /** Hear of this station's meter values and frames, and of no other's any more. */
  watch(identity) {
    if (identity === this.station) return;
    this.station = identity;
    clearTimeout(this.settling);
    const settled = this.watched + SETTLE - Date.now();
    this.settling = setTimeout(() => this.rewatch(), Math.max(0, Math.min(settled, SETTLE)));
  }

  drop() {
    this.attempt += 1;
    clearTimeout(this.retry);
    clearTimeout(this.silence);
    const socket = this.socket;
    this.socket = null;
    this.greeted = false;
    if (socket === null) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  }

  open() {
    const url = new URL("/api/feed", location.href);
    url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    const protocols = this.token === null ? [PROTOCOL] : [PROTOCOL, TOKEN_PROTOCOL + base64url(this.token)];
    this.socket = new WebSocket(url, protocols);
    this.socket.onmessage = ({ data }) => this.hear(JSON.parse(data));
    this.socket.onclose = () => this.later();
    this.listen();
  }

  later() {
    this.drop();
    this.told.broken();
    this.told.state("lost");
    const pause = this.pause * (0.8 + 0.4 * Math.random());
    this.retry = setTimeout(() => this.connect(), pause);
    this.pause = Math.min(this.pause * 2, LONGEST_PAUSE);
  }

  /** The browser answers the server's pings without telling us, so silence alone proves nothing. */
  listen() {
    clearTimeout(this.silence);
    this.silence = setTimeout(async () => {
      const attempt = this.attempt;
      const answer = await this.ask("/health");
      if (attempt !== this.attempt) return;
      if (answer === 200) this.listen();
      else this.later();
    }, SILENCE);
  }

  /** The status of an answer, or null if there is none. */
  async ask(path) {
    try {
      const headers = authorization(this.token);
      const answer = await fetch(path, { headers, cache: "no-store", signal: AbortSignal.timeout(PATIENCE) });
      return answer.status;
    } catch {
      return null;
    }
  }

  hear(message) {
    this.listen();
    const topic = message.topic ?? message.topics?.[0];
    const mine = OVERVIEW.includes(topic) ? this.groups.overview : this.groups.detail;
    switch (message.type) {
      case "hello":
        this.greet(message);
        break;
      case "subscribed":
        mine.stations = message.stations ?? null;
        if (!message.resumed) mine.begin();
        if (mine === this.groups.detail) this.told.watching(message.stations[0]);
        else if (message.resumed) this.live();
        break;
      case "snapshot":
        this.told.snapshot(message, mine.stations);
        if (!message.more && mine.complete(message) && mine === this.groups.overview) this.live();
        break;
      case "change":
        mine.advance(message.sequence);
        this.told.change(message);
        break;
      case "lost":
        this.begin();
        break;
      case "error":
        console.error(`the feed did not take a message: ${message.detail}`);
        break;
    }
  }

  greet({ stream }) {
    this.greeted = true;
    if (stream !== this.stream) this.forget();
    this.stream = stream;
    this.subscribe(this.groups.overview, null);
    if (this.station !== null) this.subscribe(this.groups.detail, [this.station]);
  }

  live() {
    this.pause = FIRST_PAUSE;
    this.told.state("live");
  }

  /** Changes were left out because too many waited: what is known is asked for anew, once they have calmed. */
  begin() {
    this.told.gap();
    this.forget();
    if (this.calming !== null) return;
    this.calming = setTimeout(() => {
      this.calming = null;
      if (!this.greeted) return;
      this.subscribe(this.groups.overview, null);
      if (this.station !== null) this.subscribe(this.groups.detail, [this.station]);
    }, 2000);
  }

  forget() {
    for (const each of Object.values(this.groups)) each.begin();
  }

  rewatch() {
    this.watched = Date.now();
    const { detail } = this.groups;
    const before = detail.asked;
    if (before === this.station) return;
    detail.begin();
    if (!this.greeted) return;
    if (before !== null) this.send({ unsubscribe: { topics: DETAIL, stations: [before] } });
    detail.asked = null;
    if (this.station !== null) this.subscribe(detail, [this.station]);
  }

  subscribe(each, stations) {
    const message = { subscribe: { topics: each.topics, ...(stations === null ? {} : { stations }) } };
    // What was asked for another station is no place to resume this one from.
    const same = stations === null || each.asked === stations[0];
    if (same && each.position !== null) message.resume = { stream: this.stream, sequence: each.position };
    each.asked = stations === null ? null : stations[0];
    this.send(message);
  }

  send(message) {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }
}

/** Topics that are subscribed to together, and how far their changes have come; null until a snapshot is whole. */
function group(topics) {
  return {
    topics,
    stations: null,
    asked: null,
    position: null,
    awaited: new Set(),
    begin() {
      this.position = null;
      this.awaited = new Set(topics.filter((topic) => topic !== "log"));
    },
    complete({ topic, sequence }) {
      this.awaited.delete(topic);
      if (this.awaited.size > 0) return false;
      this.position = sequence;
      return true;
    },
    advance(sequence) {
      if (this.position !== null) this.position = sequence;
    },
  };
}

function base64url(text) {
  return btoa(text).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
