// Search in the record, scrolling over millions of parts: a window of rows around what is seen, fetched by key from /api/inspections,
// and a rail for time beside it, by which one gets anywhere. However long one scrolls, no more than CAP rows are in memory.
import ExportBox from "/assets/export.js";
import FilterBar from "/assets/history_filters.js";
import HistoryRow from "/assets/history_row.js";
import TimeRail from "/assets/time_rail.js";
import { Words } from "/assets/words.js";

const ROW_PX = 76;
const OVERSCAN = 5;
const PAGE = 100;
const CAP = 800;
const DROP = 300;
const NEWS_MS = 5000;
const BUSY_MS = 1000;

const text = (query) => new URLSearchParams(Object.entries(query).filter(([, value]) => value !== "")).toString();

export default {
  components: { ExportBox, FilterBar, HistoryRow, TimeRail },
  props: { texts: Object, language: String, may: Object },
  data: () => ({
    query: {},
    rows: [],
    base: 0, // number of the first row that is in memory, counted from the newest
    newest: false, // it is the newest one
    oldest: false, // the last row in memory is the oldest one
    busy: "",
    failed: "",
    reached: 0, // how far back a long search has looked, ms
    total: null,
    rail: null,
    active: -1, // row in memory that has the keyboard
    top: 0,
    height: 600,
    news: 0,
    exporting: false,
  }),
  computed: {
    words() {
      return new Words(this.texts, this.language);
    },
    first() {
      return Math.max(0, Math.floor(this.top / ROW_PX) - OVERSCAN);
    },
    shown() {
      const last = Math.min(this.rows.length, Math.ceil((this.top + this.height) / ROW_PX) + OVERSCAN);
      return this.rows.slice(this.first, last).map((row, i) => ({ row, at: this.first + i }));
    },
    seen() {
      const first = this.rows[Math.min(this.rows.length - 1, Math.floor(this.top / ROW_PX))];
      const last = this.rows[Math.min(this.rows.length - 1, Math.floor((this.top + this.height) / ROW_PX))];
      return first ? [first.wall_ms, last.wall_ms] : null;
    },
    rowCount() {
      if (this.newest && this.oldest) return this.rows.length + 1;
      return this.total?.exact ? this.total.parts + 1 : -1;
    },
    counted() {
      if (!this.total) return "";
      const parts = this.words.whole.format(this.total.parts);
      return this.words.t(this.total.exact ? "history.parts" : "history.at_least", { parts });
    },
  },
  methods: {
    rowPx: () => ROW_PX,
    address(path, more = {}) {
      return `/api/inspections${path}?${text({ ...this.query, ...more })}`;
    },
    async ask(path, more) {
      let answer;
      for (let tries = 0; tries < 4; tries += 1) {
        answer = await fetch(this.address(path, more), { headers: { Accept: "application/json" } });
        if (answer.status !== 429) break; // asked too often, together with others perhaps: a moment later it works
        await new Promise((done) => setTimeout(done, BUSY_MS));
      }
      if (answer.status === 401) location.assign(`/login?to=${encodeURIComponent(location.pathname + location.search)}`);
      const said = await answer.json();
      if (!answer.ok) throw new Error(said.text);
      return said;
    },
    /** Begin anew: the filters have changed, or somebody jumps. `at`: ms; 'oldest': the other end. */
    async start(at = 0) {
      const turn = (this.turn = (this.turn ?? 0) + 1);
      Object.assign(this, { rows: [], base: 0, newest: !at, oldest: at === "oldest", busy: "older", failed: "", active: -1, top: 0, news: 0, reached: 0 });
      this.olderKey = this.newerKey = null;
      try {
        if (at === "oldest") {
          const page = await this.fill({ order: "oldest" }, turn);
          if (!page) return;
          this.rows = page.rows.reverse();
          this.newerKey = page.following;
          this.newest = !page.following;
          this.base = this.newest ? 0 : Math.max(0, (this.total?.parts ?? this.rows.length) - this.rows.length);
          this.scrollTo(this.rows.length * ROW_PX);
        } else {
          const page = await this.fill(at ? { at } : {}, turn);
          if (!page) return;
          this.rows = page.rows;
          this.olderKey = page.following;
          this.oldest = !page.following;
          if (at) await this.above(at, turn);
          else this.scrollTo(0);
        }
      } catch (error) {
        if (turn === this.turn) this.failed = error.message;
      } finally {
        if (turn === this.turn) this.busy = "";
      }
      if (turn === this.turn) this.$nextTick(() => this.seeTo());
    },
    /** After a jump: what is newer, above, so that one can scroll both ways. */
    async above(at, turn) {
      const page = await this.ask("", { at, order: "oldest", limit: 40 });
      if (turn !== this.turn) return;
      this.rows = [...page.rows.reverse(), ...this.rows];
      this.newerKey = page.following;
      this.newest = !page.following;
      this.base = this.newest ? 0 : Math.max(0, this.before(at) - page.rows.length);
      this.scrollTo(page.rows.length * ROW_PX);
    },
    /** A page that has rows, or the end: a search that finds little goes on where it ran out of time. */
    async fill(more, turn) {
      const rows = [];
      let page = null;
      let key = more.after ?? null;
      do {
        page = await this.ask("", { ...more, ...(key ? { after: key, at: "" } : {}), limit: PAGE });
        if (turn !== this.turn) return null;
        rows.push(...page.rows);
        key = page.following;
        this.reached = page.full || !key ? 0 : Math.floor(Number(key.split("~")[0]) / 1e6);
      } while (key && !page.full && rows.length < PAGE);
      this.reached = 0;
      return { rows, following: key };
    },
    /** About how many parts are newer than a moment. */
    before(at) {
      return (this.rail?.slots ?? []).reduce((sum, slot) => {
        if (slot.since_ms >= at) return sum + slot.parts;
        return slot.until_ms > at ? sum + Math.round((slot.parts * (slot.until_ms - at)) / (slot.until_ms - slot.since_ms)) : sum;
      }, 0);
    },
    async older() {
      if (this.busy || this.oldest || !this.olderKey) return;
      const turn = this.turn;
      this.busy = "older";
      try {
        const page = await this.fill({ after: this.olderKey }, turn);
        if (!page) return;
        this.rows.push(...page.rows);
        this.olderKey = page.following;
        this.oldest = !page.following;
        if (this.rows.length > CAP) {
          this.rows = this.rows.slice(DROP);
          this.base += DROP;
          this.active = Math.max(-1, this.active - DROP);
          this.newest = false;
          this.newerKey = this.rows[0].key;
          this.scrollTo(this.top - DROP * ROW_PX);
        }
      } catch (error) {
        if (turn === this.turn) this.failed = error.message;
      } finally {
        this.rest(turn);
      }
    },
    async newer() {
      if (this.busy || this.newest || !this.newerKey) return;
      const turn = this.turn;
      this.busy = "newer";
      try {
        const page = await this.fill({ after: this.newerKey, order: "oldest" }, turn);
        if (!page) return;
        const more = page.rows.reverse();
        this.rows = [...more, ...this.rows];
        if (this.active >= 0) this.active += more.length;
        this.newerKey = page.following;
        this.newest = !page.following;
        this.base = this.newest ? 0 : Math.max(1, this.base - more.length);
        this.scrollTo(this.top + more.length * ROW_PX);
        if (this.rows.length > CAP) {
          this.rows = this.rows.slice(0, -DROP);
          this.oldest = false;
          this.olderKey = this.rows.at(-1).key;
        }
      } catch (error) {
        if (turn === this.turn) this.failed = error.message;
      } finally {
        this.rest(turn);
      }
    },
    /** A page has come; one may have scrolled on meanwhile. */
    rest(turn) {
      if (turn !== this.turn) return;
      this.busy = "";
      if (!this.failed) this.$nextTick(() => this.seeTo());
    },
    scrollTo(top) {
      this.top = Math.max(0, top);
      this.$nextTick(() => this.$refs.list && (this.$refs.list.scrollTop = this.top));
    },
    scrolled() {
      this.top = this.$refs.list.scrollTop;
      this.seeTo();
      clearTimeout(this.noting);
      this.noting = setTimeout(() => this.note(), 300);
    },
    /** Fetch more where the window comes near an end of what is there. */
    seeTo() {
      const row = this.top / ROW_PX;
      if (row + this.height / ROW_PX + PAGE / 3 > this.rows.length) this.older();
      else if (row < PAGE / 4) this.newer();
    },
    /** The place in the address, so that a link or the way back leads here. */
    note() {
      const at = this.newest && this.top < ROW_PX ? "" : (this.seen?.[0] ?? "");
      history.replaceState(null, "", `?${text({ ...this.query, at: at && String(at + 1) })}`);
    },
    search(query) {
      this.query = query;
      history.pushState(null, "", `?${text(query)}`);
      this.begin();
    },
    begin(at = 0) {
      this.total = this.rail = null;
      this.start(at);
      this.survey();
    },
    async survey() {
      const asked = text(this.query);
      try {
        const [total, rail] = await Promise.all([this.ask("/count"), this.ask("/timeline")]);
        if (asked !== text(this.query)) return;
        Object.assign(this, { total, rail });
        if (!this.newest && this.seen && rail.slots) this.base = Math.max(1, this.before(this.rows[0].wall_ms));
      } catch (error) {
        this.failed = error.message;
      }
    },
    /** Whether parts have come meanwhile; only while somebody looks at the newest. */
    async look() {
      if (document.hidden || !this.newest || this.busy || this.failed || this.top > ROW_PX || !this.rows.length) return;
      try {
        const page = await this.ask("", { after: this.rows[0].key, order: "oldest", limit: 100 });
        this.news = page.rows.length;
      } catch {
        /* the next look tells */
      }
    },
    fromAddress() {
      const { at = "", ...query } = Object.fromEntries(new URLSearchParams(location.search));
      this.query = query;
      this.begin(/^\d{1,15}$/.test(at) ? Number(at) : 0);
    },
    go(to) {
      if (!this.rows.length) return;
      this.active = Math.max(0, Math.min(this.rows.length - 1, to));
      const y = this.active * ROW_PX;
      if (y < this.top) this.scrollTo(y);
      else if (y + ROW_PX > this.top + this.height) this.scrollTo(y + ROW_PX - this.height);
      this.seeTo();
    },
    async end(at) {
      await this.start(at);
      this.go(at ? this.rows.length - 1 : 0);
    },
    key(event) {
      const page = Math.max(1, Math.floor(this.height / ROW_PX) - 1);
      const from = this.active < 0 ? Math.floor(this.top / ROW_PX) - 1 : this.active;
      const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page };
      if (event.key in steps) this.go(from + steps[event.key]);
      else if (event.key === "Home") this.newest ? this.go(0) : this.end(0);
      else if (event.key === "End") this.oldest ? this.go(this.rows.length - 1) : this.end("oldest");
      else if (event.key === "Enter" && this.active >= 0) location.assign(this.link(this.rows[this.active]));
      else return;
      event.preventDefault();
    },
    link: (row) => `/parts/${encodeURIComponent(row.part_id)}`,
  },
  mounted() {
    this.observer = new ResizeObserver(() => (this.height = this.$refs.list.clientHeight));
    this.observer.observe(this.$refs.list);
    this.back = () => this.fromAddress();
    addEventListener("popstate", this.back);
    this.timer = setInterval(() => this.look(), NEWS_MS);
    this.fromAddress();
  },
  unmounted() {
    this.observer.disconnect();
    removeEventListener("popstate", this.back);
    clearInterval(this.timer);
    clearTimeout(this.noting);
  },
  template: `
    <div class="gt-history">
      <div class="gt-history-head">
        <h1>{{ words.t("page.history") }}</h1>
        <p role="status" class="gt-history-count">
          <template v-if="reached">{{ words.t("history.reached", { time: words.full.format(reached) }) }}</template>
          <template v-else>{{ counted }}</template>
        </p>
        <button v-if="news" type="button" class="gt-button is-primary" @click="begin()">{{ words.t("history.news", { parts: news === 100 ? "100+" : news }) }}</button>
        <button v-if="may.export" type="button" class="gt-button" @click="exporting = true">{{ words.t("export.open") }}</button>
      </div>
      <FilterBar :query="query" :words="words" @search="search" />
      <p v-if="failed" class="gt-history-failed" role="alert">{{ failed }}</p>
      <div class="gt-history-body">
        <div class="gt-list" ref="list" role="grid" tabindex="0" :aria-label="words.t('history.list')" :aria-rowcount="rowCount" aria-colcount="7" :aria-busy="Boolean(busy)"
             :aria-activedescendant="active >= 0 ? 'row-' + (base + active) : null" @scroll.passive="scrolled" @keydown="key">
          <div role="rowgroup" class="gt-list-head">
            <div role="row" aria-rowindex="1" class="gt-list-row is-head">
              <span v-for="name in ['picture', 'verdict', 'defects', 'time', 'recipe', 'outcome', 'review']" :key="name" role="columnheader" :class="'is-' + name">{{ words.t("history.column." + name) }}</span>
            </div>
          </div>
          <div role="rowgroup" class="gt-list-space" :style="{ height: rows.length * rowPx() + 'px' }">
            <HistoryRow v-for="s in shown" :key="s.row.key" :row="s.row" :words="words" :href="link(s.row)" :id="'row-' + (base + s.at)" role="row" :aria-rowindex="base + s.at + 2"
                        :class="{ 'is-active': s.at === active }" :style="{ transform: 'translateY(' + s.at * rowPx() + 'px)' }" @click="active = s.at" />
          </div>
          <p v-if="!rows.length && !failed" class="gt-history-none">{{ words.t(busy ? "history.searching" : "history.nothing") }}</p>
        </div>
        <TimeRail v-if="rail" :rail="rail" :seen="seen" :words="words" @jump="start" />
      </div>
      <ExportBox v-if="exporting" :query="query" :words="words" @close="exporting = false" />
    </div>`,
};
