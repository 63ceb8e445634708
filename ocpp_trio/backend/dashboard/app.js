// The page: the token, the choice of a station in the address, and when what is drawn.

import { Calls } from "./calls.js";
import { showLog, showStation } from "./detail.js";
import { byId, say, sayState } from "./dom.js";
import { Feed } from "./feed.js";
import { Known } from "./known.js";
import { showStations } from "./stations.js";

const KEPT_AS = "ocpp-trio.token";
const DRAWS = 150; // ms between two drawings; people read no faster
const LINK = { connecting: ["connecting", "quiet"], live: ["live", "good"], lost: ["no connection", "bad"], refused: ["locked", "warn"] };

const page = {
  known: new Known(), calls: new Calls(), feed: null, state: "connecting", ready: false, station: null, watching: null,
};
const log = { paused: false, shown: [] };
let due = null;

function draw() {
  due = null;
  const { known, station, ready } = page;
  showStations(known, { chosen: station, ready });
  showStation(known, station, { ready });
  if (station === null) return;
  page.calls.show(known, station);
  if (!log.paused) log.shown = known.lines.slice();
  showLog(log.shown, { identity: station, paused: log.paused, watching: page.watching === station });
}

function drawSoon() {
  due ??= setTimeout(() => requestAnimationFrame(draw), DRAWS);
}

const told = {
  state(word) {
    if (word === "connecting" && page.state === "lost") return; // tried again and again: said once is enough
    if (word === "lost" && page.state !== "lost") {
      const kept = page.ready ? ` What you see is as of ${new Date().toLocaleTimeString("en-GB")}.` : "";
      say(byId("lost-text"), `The server cannot be reached.${kept} This page tries again by itself.`);
    }
    page.state = word;
    if (word === "live") page.ready = true;
    sayState(byId("link"), ...LINK[word]);
    byId("lost").hidden = word !== "lost";
    if (word === "refused") lock();
    drawSoon();
  },
  watching(identity) {
    page.watching = identity;
    drawSoon();
  },
  snapshot(message, stations) {
    page.known.snapshot(message, stations);
    drawSoon();
  },
  change(message) {
    page.known.change(message);
    drawSoon();
  },
  broken() {
    page.known.forgetParts();
    page.watching = null;
    if (page.state === "live" && page.station !== null) missing("the connection to the server was lost here");
  },
  gap() {
    if (page.station !== null) missing("more came here than this page could take");
  },
};

function missing(why) {
  page.known.line(page.station, new Date().toISOString(), `${why}; frames may be missing`);
  drawSoon();
}

function unlock(token) {
  page.feed?.stop();
  keep(token);
  byId("gate").hidden = true;
  byId("board").hidden = false;
  byId("forget").hidden = token === null;
  page.calls.token = token;
  page.feed = new Feed(token, told);
  page.feed.watch(page.station);
  page.feed.connect();
}

/** The server wants a token, or another one. Nothing of what was known stays on the screen. */
function lock() {
  const { feed } = page;
  const why = feed.token === null ? "This server wants a token." : "The server did not take this token.";
  feed.stop();
  keep(null);
  Object.assign(page, { known: new Known(), ready: false });
  Object.assign(log, { shown: [] });
  byId("board").hidden = true;
  byId("forget").hidden = true;
  byId("gate").hidden = false;
  say(byId("gate-text"), why);
  byId("token").value = "";
  byId("token").focus();
}

/** This tab's own storage; a browser may forbid it, and then the token lasts until the page is left. */
function keep(token) {
  try {
    if (token === null) sessionStorage.removeItem(KEPT_AS);
    else sessionStorage.setItem(KEPT_AS, token);
  } catch {
    // nothing is kept
  }
}

function kept() {
  try {
    return sessionStorage.getItem(KEPT_AS);
  } catch {
    return null;
  }
}

/** A token in the address is taken out of it at once, so that nobody reads or bookmarks it. */
function tokenOfAddress() {
  const said = new URLSearchParams(location.hash.slice(1));
  const token = said.get("token");
  if (token === null) return null;
  said.delete("token");
  history.replaceState(null, "", `#${said}`);
  return token;
}

function choose({ focus }) {
  page.station = new URLSearchParams(location.hash.slice(1)).get("station");
  document.body.dataset.view = page.station === null ? "list" : "station";
  document.title = page.station === null ? "Charging stations" : `${page.station} – Charging stations`;
  Object.assign(log, { paused: false });
  byId("pause").setAttribute("aria-pressed", "false");
  page.feed?.watch(page.station);
  clearTimeout(due);
  draw();
  if (!focus) return;
  if (page.station === null) byId("find").focus();
  else if (!byId("station").hidden) byId("station-title").focus();
  scrollTo(0, 0);
}

byId("gate-form").addEventListener("submit", (event) => {
  event.preventDefault();
  unlock(byId("token").value.trim());
});
byId("forget").addEventListener("click", () => {
  page.feed.token = null;
  told.state("refused");
});
byId("retry").addEventListener("click", () => page.feed.connect());
byId("find").addEventListener("input", drawSoon);
byId("pause").addEventListener("click", () => {
  log.paused = !log.paused;
  byId("pause").setAttribute("aria-pressed", String(log.paused));
  drawSoon();
});
byId("clear").addEventListener("click", () => {
  page.known.lines = page.known.lines.filter((line) => line.identity !== page.station);
  log.shown = page.known.lines.slice();
  drawSoon();
});
addEventListener("hashchange", () => {
  const token = tokenOfAddress();
  if (token !== null) unlock(token);
  choose({ focus: true });
});
addEventListener("resize", drawSoon);
addEventListener("online", () => page.state === "lost" && page.feed.connect());
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "visible" && page.state === "lost") page.feed.connect();
});

const token = tokenOfAddress() ?? kept();
choose({ focus: false });
unlock(token);
