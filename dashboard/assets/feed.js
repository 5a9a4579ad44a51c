// The stream of snapshots. The server speaks at least four times a second; a second of silence means that it is lost.
const SILENCE_MS = 1000;
const OPENING_MS = 4000; // a busy machine may take a while to answer: giving up earlier could mean never getting through
const RETRY_MS = 300;

export class Feed {
  constructor(onSnapshot, onLink) {
    this.onSnapshot = onSnapshot;
    this.onLink = onLink; // "connecting" until the first snapshot, then "live" or "lost"
    this.link = "connecting";
    this.heard = performance.now();
    this.connect();
    this.watchdog = setInterval(() => this.watch(), 200);
  }

  connect() {
    clearTimeout(this.retry);
    this.tried = performance.now();
    const socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/api/live/stream`);
    this.socket = socket;
    socket.onmessage = (event) => {
      if (this.socket !== socket) return;
      this.heard = performance.now();
      this.onSnapshot(JSON.parse(event.data), this.heard);
      this.say("live");
    };
    socket.onclose = () => {
      if (this.socket !== socket || this.closed) return;
      this.say("lost");
      this.retry = setTimeout(() => this.connect(), RETRY_MS);
    };
  }

  watch() {
    const now = performance.now();
    if (now - this.heard < SILENCE_MS) return;
    if (this.link === "live") this.say("lost");
    const patience = this.socket.readyState === WebSocket.OPEN ? SILENCE_MS : OPENING_MS;
    if (now - this.tried < patience) return;
    this.say("lost");
    const old = this.socket;
    this.connect(); // first, so that the old one's closing is no longer listened to
    old.close();
  }

  say(link) {
    if (link === this.link) return;
    this.link = link;
    this.onLink(link);
  }

  close() {
    this.closed = true;
    clearInterval(this.watchdog);
    clearTimeout(this.retry);
    this.socket.close();
  }
}
