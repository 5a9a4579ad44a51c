// The login page: forms are sent without leaving it, so that a wrong PIN costs no reload; a badge scanner types into the page itself.
const MAX_PIN = 12;
const MIN_BADGE = 6;
const SCANNER_MS = 60; // between two characters; nobody types like that
let person = "";
let pin = "";
let busy = false;
let scanned = [];

const all = (selector) => document.querySelector(selector);

function say(text) {
  const place = all("[data-wrong]");
  place.textContent = text;
  place.hidden = !text;
}

function draw() {
  all("[data-tiles]").hidden = Boolean(person);
  all("[data-pad]").hidden = !person;
  all("[data-pad-name]").textContent = person;
  const dots = all("[data-dots]");
  dots.textContent = "●".repeat(pin.length);
}

async function send(fields, address = "/api/session") {
  if (busy) return;
  busy = true;
  say("");
  try {
    const answer = await fetch(address, {
      method: "POST",
      headers: { "X-Gutteil": "1", Accept: "application/json" },
      body: new URLSearchParams({ to: all("[data-entrance]").dataset.to, ...fields }),
    });
    const said = await answer.json();
    if (said.accepted) {
      location.assign(said.to);
      return;
    }
    say(said.text);
  } catch (error) {
    say(String(error));
  }
  busy = false;
  pin = "";
  if (person) draw();
}

function press(key) {
  if (key === "go") {
    if (pin) send({ name: person, pin });
  } else if (key === "back") pin = pin.slice(0, -1);
  else if (pin.length < MAX_PIN) pin += key;
  draw();
}

document.addEventListener("submit", (event) => {
  if (!event.target.matches("[data-login]")) return;
  event.preventDefault();
  send(Object.fromEntries(new FormData(event.target)), event.target.getAttribute("action"));
});

document.addEventListener("click", (event) => {
  const button = event.target.closest?.("[data-person], [data-key], [data-back]");
  if (!button) return;
  if (button.dataset.key) {
    press(button.dataset.key);
    return;
  }
  person = button.dataset.person || "";
  pin = "";
  say("");
  draw();
  (person ? all("[data-pad-name]") : all("[data-person]")).focus();
});

document.addEventListener("keydown", (event) => {
  if (!all("[data-badge]") || event.target.matches?.("input, textarea") || event.ctrlKey || event.altKey || event.metaKey) return;
  if (event.key === "Enter") {
    const took = scanned.length > 1 ? (scanned.at(-1).at - scanned[0].at) / (scanned.length - 1) : Infinity;
    const text = scanned.map((s) => s.key).join("");
    scanned = [];
    if (text.length >= MIN_BADGE && took < SCANNER_MS) {
      event.preventDefault();
      pin = "";
      send({ badge: text });
    } else if (person && pin && !event.target.matches?.("button")) press("go");
    return;
  }
  if (event.key === "Backspace" && person) press("back");
  if (event.key === "Escape" && person) all("[data-back]").click();
  if (event.key.length !== 1) return;
  const before = scanned.at(-1);
  if (before && event.timeStamp - before.at > 4 * SCANNER_MS) scanned = [];
  scanned.push({ key: event.key, at: event.timeStamp });
  if (person && /^[0-9]$/.test(event.key)) press(event.key);
});
