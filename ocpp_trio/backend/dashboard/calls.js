// Calls to the station: a form for each of the common ones, and what came back.

import { authorization } from "./feed.js";
import { byId, choices, element, keyed, moment, say } from "./dom.js";

const PATIENCE = 90_000; // ms; the server gives up after 60 s and says so
const REPLIES = 8;
const whole = ["", "the whole station"];

/** `read` makes the payload of what the form says; OCPP 1.6 sections 6.7, 6.35, 6.37, 6.39, 6.51 and 6.55. */
const CALLS = [
  {
    action: "RemoteStartTransaction", title: "Remote start", button: "Start",
    fields: [["id_tag", "Id tag", "text"], ["connector", "Connector", "select"]],
    read: ({ id_tag, connector }) => ({ idTag: id_tag, ...(connector === "" ? {} : { connectorId: Number(connector) }) }),
    options: ({ connectors }) => ({ connector: [["", "any"], ...connectors] }),
  },
  {
    action: "RemoteStopTransaction", title: "Remote stop", button: "Stop",
    fields: [["transaction", "Transaction", "select"]],
    read: ({ transaction }) => ({ transactionId: Number(transaction) }),
    options: ({ running }) => ({ transaction: running.length > 0 ? running : [["", "none is running"]] }),
    missing: ({ transaction }) => (transaction === "" ? "No transaction is running here." : null),
  },
  {
    action: "Reset", title: "Reset", button: "Reset",
    fields: [["type", "Kind", "select"]],
    read: ({ type }) => ({ type }),
    options: () => ({ type: [["Soft", "soft"], ["Hard", "hard"]] }),
    question: ({ running }) => (running.length > 0 ? "A transaction is running, and a reset ends it. Reset?" : null),
  },
  {
    action: "UnlockConnector", title: "Unlock connector", button: "Unlock",
    fields: [["connector", "Connector", "select"]],
    read: ({ connector }) => ({ connectorId: Number(connector) }),
    options: ({ connectors }) => ({ connector: connectors }),
  },
  {
    action: "TriggerMessage", title: "Trigger message", button: "Trigger",
    fields: [["message", "Message", "select"], ["connector", "Connector", "select"]],
    read: ({ message, connector }) => ({
      requestedMessage: message, ...(connector === "" ? {} : { connectorId: Number(connector) }),
    }),
    options: ({ connectors }) => ({
      message: ["StatusNotification", "MeterValues", "Heartbeat", "BootNotification", "FirmwareStatusNotification",
        "DiagnosticsStatusNotification"].map((name) => [name, name]),
      connector: [whole, ...connectors],
    }),
  },
  {
    action: "ChangeAvailability", title: "Change availability", button: "Change",
    fields: [["type", "To", "select"], ["connector", "Connector", "select"]],
    read: ({ type, connector }) => ({ type, connectorId: Number(connector) }),
    options: ({ connectors }) => ({
      type: [["Operative", "operative"], ["Inoperative", "inoperative"]],
      connector: [["0", whole[1]], ...connectors],
    }),
  },
];

export class Calls {
  constructor() {
    this.token = null;
    this.identity = null;
    this.present = { connectors: [], running: [] };
    this.replies = [];
    this.forms = CALLS.map((call) => this.form(call));
    byId("calls").replaceChildren(...this.forms);
  }

  /** Bring the choices to what is known of the station now. */
  show(known, identity) {
    const station = known.station(identity);
    if (station === null) return;
    this.identity = identity;
    this.present = {
      connectors: connectorsOf(known, identity),
      running: known.of("transactions", identity).filter((one) => one.stopped_at === null).reverse()
        .map((one) => [String(one.transaction_id), `${one.transaction_id}, tag ${one.id_tag}`]),
    };
    say(byId("calls-note"), station.online ? "" : "The station is offline: a call cannot reach it now.");
    CALLS.forEach((call, number) => {
      for (const [name, options] of Object.entries(call.options(this.present))) {
        choices(this.forms[number].elements[name], options);
      }
    });
    this.showReplies();
  }

  form(call) {
    const fields = call.fields.map(([name, label, kind]) => {
      const id = `${call.action}-${name}`;
      const input = kind === "select"
        ? element("select", { id, name })
        : element("input", { id, name, type: "text", maxlength: 20, required: true, autocomplete: "off", spellcheck: "false" });
      return element("div", { class: "field" }, element("label", { for: id }, label), input);
    });
    const button = element("button", { type: "submit", "aria-label": `${call.button}: ${call.title}` }, call.button);
    const title = element("h4", { id: `${call.action}-title` }, call.title);
    const form = element("form", { "aria-labelledby": title.id }, title, ...fields, button);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (!form.hasAttribute("aria-busy")) this.submit(call, form);
    });
    return form;
  }

  async submit(call, form) {
    const said = Object.fromEntries(new FormData(form));
    const missing = call.missing?.(said) ?? null;
    const question = call.question?.(this.present) ?? null;
    const entry = { at: Date.now(), identity: this.identity, title: call.title, text: missing, kind: "warn" };
    if (missing === null) {
      if (question !== null && !confirm(question)) return;
      Object.assign(entry, { text: "waiting for the reply …", kind: "quiet" });
    }
    this.replies.unshift(entry);
    this.replies.length = Math.min(this.replies.length, REPLIES);
    this.showReplies();
    if (missing !== null) return;
    form.setAttribute("aria-busy", "true");
    Object.assign(entry, await this.post(call.action, call.read(said)));
    form.removeAttribute("aria-busy");
    this.showReplies();
  }

  async post(action, payload) {
    const path = `/api/stations/${encodeURIComponent(this.identity)}/calls/${action}`;
    try {
      const answer = await fetch(path, {
        method: "POST",
        headers: { ...authorization(this.token), "Content-Type": "application/json" },
        body: JSON.stringify(payload),
        signal: AbortSignal.timeout(PATIENCE),
      });
      return answer.ok ? replied(await answer.json()) : problem(answer.status, await answer.json());
    } catch (error) {
      const late = error.name === "TimeoutError";
      return { text: late ? "no answer from the server in time" : "the server could not be reached", kind: "bad" };
    }
  }

  showReplies() {
    const mine = this.replies.filter((entry) => entry.identity === this.identity);
    byId("replies-note").hidden = mine.length > 0;
    keyed(
      byId("replies"), mine, (entry) => entry,
      (entry) => element("li", {}, element("time", {}, moment(entry.at)), ` ${entry.title}: `, element("span")),
      (node, entry) => {
        say(node.lastChild, entry.text);
        node.lastChild.className = `state ${entry.kind}`;
      },
    );
  }
}

function connectorsOf(known, identity) {
  const told = known.of("connectors", identity).filter((one) => one.connector_id > 0);
  const all = told.sort((a, b) => a.connector_id - b.connector_id)
    .map((one) => [String(one.connector_id), `${one.connector_id}, ${one.status}`]);
  return all.length > 0 ? all : [["1", "1"]];
}

function replied(reply) {
  const { status, ...others } = reply;
  const more = Object.keys(others).length > 0 ? ` ${JSON.stringify(others)}` : "";
  const good = status === undefined || ["Accepted", "Unlocked", "Scheduled"].includes(status);
  return { text: `${status ?? "done"}${more}`, kind: good ? "good" : "warn" };
}

/** RFC 9457: what was found and what was expected; of an error of the station its code too. */
function problem(status, { title, detail, code, description }) {
  const more = [code, description].filter(Boolean).join(": ");
  return { text: `${status} ${title ?? ""}: ${detail ?? ""}${more ? ` (${more})` : ""}`, kind: "bad" };
}
