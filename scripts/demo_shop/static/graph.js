// The graph beside the shop: the fold of the journal's entries, drawn anew after each.

const ROW = 46;
const LEFT = { x: 8, width: 236 };
const RIGHT = { x: 372, width: 196 };
const WIDTH = 576;
const BROWSER = "device_application_stamp";
const NAMES = {
  [BROWSER]: "browser",
  customerid: "customer ID",
};
const SENTENCES = {
  PROFILE_CREATED: (one) => `profile ${tail(one.mpid)} created${one.other_mpid ? `, came from ${tail(one.other_mpid)}` : ""}`,
  IDENTITY_ADDED: (one) => `${typed(one.identity)} added to ${tail(one.mpid)}`,
  IDENTITY_REMOVED: (one) => `${typed(one.identity)} taken from ${tail(one.mpid)}`,
  BECAME_KNOWN: (one) => `${tail(one.mpid)} became known`,
  BECAME_ANONYMOUS: (one) => `${tail(one.mpid)} became anonymous`,
  RETURNED: (one) => `${tail(one.mpid)} was seen again`,
};

const tail = (mpid) => `…${mpid.slice(-5)}`;
const shown = (type, value) => {
  const most = type === BROWSER ? 8 : 24;
  return value.length > most ? `${value.slice(0, most)}…` : value;
};
const typeOf = (identity) => identity.type.replace("IDENTITY_TYPE_", "").toLowerCase();
const typed = (identity) => {
  const type = typeOf(identity);
  return `${NAMES[type] ?? type} ${shown(type, identity.value)}`;
};

function element(name, attributes, text) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

function box(place, y, kind, lines) {
  const group = element("g", { class: kind });
  group.append(element("rect", { x: place.x, y, width: place.width, height: 36, rx: 8 }));
  group.append(element("text", { x: place.x + 12, y: y + 15, class: "small" }, lines[0]));
  group.append(element("text", { x: place.x + 12, y: y + 29 }, lines[1]));
  return group;
}

export function showGraph(strategy) {
  const svg = document.getElementById("graph");
  const journal = document.getElementById("journal");
  const lamp = document.getElementById("watching");
  const profiles = new Map();
  const identities = new Map();
  let mine = null;
  document.getElementById("strategy").textContent = strategy;

  const profile = (mpid) => {
    if (!profiles.has(mpid)) profiles.set(mpid, { known: false, holds: new Set() });
    return profiles.get(mpid);
  };

  function fold(change, fresh) {
    const kind = change.kind.replace("CHANGE_KIND_", "");
    const one = profile(change.mpid);
    if (kind === "BECAME_KNOWN") one.known = true;
    if (kind === "BECAME_ANONYMOUS") one.known = false;
    if (kind === "PROFILE_ERASED") profiles.delete(change.mpid);
    if (change.identity) {
      const name = `${change.identity.type} ${change.identity.value}`;
      if (kind === "IDENTITY_ADDED") {
        identities.set(name, change.identity);
        one.holds.add(name);
        fresh.add(`${name} ${change.mpid}`);
      }
      if (kind === "IDENTITY_REMOVED") one.holds.delete(name);
    }
    return SENTENCES[kind] ? SENTENCES[kind](change) : kind.toLowerCase().replaceAll("_", " ");
  }

  function draw(fresh) {
    const rows = Math.max(identities.size, profiles.size, 1);
    svg.setAttribute("viewBox", `0 0 ${WIDTH} ${rows * ROW + 4}`);
    const left = new Map([...identities.keys()].map((name, index) => [name, index * ROW + 2]));
    const parts = [];
    const boxes = [];
    let index = 0;
    for (const [mpid, one] of profiles) {
      const y = index++ * ROW + 2;
      for (const name of one.holds) {
        const from = left.get(name) + 18;
        const [x1, x2] = [LEFT.x + LEFT.width, RIGHT.x];
        const bend = (x1 + x2) / 2;
        parts.push(
          element("path", {
            d: `M${x1} ${from}C${bend} ${from} ${bend} ${y + 18} ${x2} ${y + 18}`,
            class: `link${fresh.has(`${name} ${mpid}`) ? " fresh" : ""}${mpid === mine ? " mine" : ""}`,
          }),
        );
      }
      const kind = `profile ${one.known ? "known" : "anonymous"}${mpid === mine ? " mine" : ""}`;
      const note = `${one.known ? "known" : "anonymous"}${mpid === mine ? ", this browser" : ""}`;
      boxes.push(box(RIGHT, y, kind, [note, `profile ${tail(mpid)}`]));
    }
    for (const [name, y] of left) {
      const identity = identities.get(name);
      const type = typeOf(identity);
      boxes.push(box(LEFT, y, "identity", [NAMES[type] ?? type, shown(type, identity.value)]));
    }
    svg.replaceChildren(...parts, ...boxes);
  }

  function note(entry, sentences) {
    const item = document.createElement("li");
    const head = document.createElement("b");
    head.textContent = entry.cause;
    const rule = document.createElement("code");
    rule.textContent = entry.rule;
    const text = document.createElement("span");
    text.textContent = sentences.join("; ");
    item.append(head, " ", rule, text);
    item.dataset.seq = entry.seq;
    journal.prepend(item);
  }

  const changes = new EventSource("changes");
  changes.onopen = () => {
    lamp.textContent = "watching";
    lamp.classList.add("on");
  };
  changes.onerror = () => {
    lamp.textContent = "waiting";
    lamp.classList.remove("on");
  };
  changes.onmessage = (message) => {
    const entry = JSON.parse(message.data);
    const fresh = new Set();
    note(entry, (entry.changes ?? []).map((change) => fold(change, fresh)));
    draw(fresh);
  };

  return {
    current(mpid) {
      mine = mpid;
      draw(new Set());
    },
  };
}
