// What the review page says to the server, and what it remembers in this browser.
const MOST_SEEN = 3000;
const MODIFIERS = ["Shift", "Control", "Alt", "AltGraph", "CapsLock", "Meta"];

/** A refusal: the server's own words, and what it sent besides. */
export class Refused extends Error {
  constructor(status, said) {
    super(said?.text ?? String(status));
    this.status = status;
    this.said = said ?? {};
  }
}

export class Api {
  constructor() {
    this.tab = crypto.randomUUID?.() ?? `tab-${Date.now()}-${Math.random().toString(36).slice(2, 10)}`; // no UUID without TLS
  }

  async ask(path, query = {}) {
    return this.#done(fetch(`${path}?${new URLSearchParams({ tab: this.tab, ...query })}`));
  }

  async tell(path, body) {
    return this.#done(fetch(path, { method: "POST", headers: { "X-Gutteil": "1", "Content-Type": "application/json" }, body: JSON.stringify(body) }));
  }

  queue(show, limit) {
    return this.ask("/api/review/queue", { show, limit });
  }

  part(id) {
    return this.ask(`/api/review/parts/${encodeURIComponent(id)}`);
  }

  open(id) {
    return this.tell(`/api/review/parts/${encodeURIComponent(id)}/open`, { tab: this.tab });
  }

  close(id) {
    return this.tell(`/api/review/parts/${encodeURIComponent(id)}/close`, { tab: this.tab });
  }

  say(id, said) {
    return this.tell(`/api/review/parts/${encodeURIComponent(id)}/say`, { tab: this.tab, ...said });
  }

  undo(review) {
    return this.tell("/api/review/undo", { review });
  }

  async #done(asked) {
    let answer;
    try {
      answer = await asked;
    } catch {
      throw new Refused(0, null);
    }
    let said = null;
    try {
      said = await answer.json();
    } catch {
      // not ours: a proxy, or a server that is just going away
    }
    if (!answer.ok || said === null) throw new Refused(answer.status, said);
    return said;
  }
}

export function picture(id, size, of = "part") {
  return `/api/parts/${encodeURIComponent(id)}/picture?size=${size}&of=${of}`;
}

/** Which parts a person has looked at in this browser; the newest so many. */
export class Seen {
  constructor(who) {
    this.key = `gutteil_seen:${who}`;
    this.ids = Vue.reactive(new Set());
    try {
      for (const id of JSON.parse(localStorage.getItem(this.key) ?? "[]")) this.ids.add(id);
    } catch {
      // nothing is remembered, or somebody else's writing: begin anew
    }
  }

  has(id) {
    return this.ids.has(id);
  }

  add(id) {
    if (this.ids.has(id)) return;
    this.ids.add(id);
    try {
      localStorage.setItem(this.key, JSON.stringify([...this.ids].slice(-MOST_SEEN)));
    } catch {
      // full or forbidden: remembered until the page is left
    }
  }
}

/** Letters typed by a person, told from those of a barcode scanner, which types a whole code within a few ms per sign and Enter. */
export class Keys {
  constructor(scanned) {
    this.scanned = scanned;
    this.typed = "";
    this.last = 0;
  }

  /** A key with no field to go to. A single one acts after a moment in which no other has come. */
  press(key, act, now = performance.now()) {
    if (MODIFIERS.includes(key)) return false; // scanners hold Shift for capitals
    clearTimeout(this.timer);
    const fast = now - this.last < 45;
    this.last = now;
    if (key === "Enter" && fast && this.typed.length >= 3) {
      const code = this.typed;
      this.typed = "";
      this.scanned(code);
      return true;
    }
    if (key.length !== 1) {
      this.typed = "";
      return false;
    }
    this.typed = fast ? this.typed + key : key;
    if (act && this.typed.length === 1) this.timer = setTimeout(act, 60);
    return true;
  }
}
