// The review page: the queue as a grid, one part in focus, and reports of missed defects. Vue escapes every text; nothing is set as HTML.
import Mark from "/assets/mark.js";
import { Api, Keys, picture, Seen } from "/assets/review_api.js";
import Card from "/assets/review_card.js";
import Help from "/assets/review_help.js";
import Missed from "/assets/review_missed.js";
import Part, { ACTS } from "/assets/review_part.js";
import { Words } from "/assets/words.js";

const POLL_MS = 4000;
const PAGE = 60;
const TELL_MS = 6000;
const MOST_UNDO = 50;
const SHOWS = ["all", "undecided", "disagreement", "reject", "odd", "sample"];

export default {
  components: { Card, Help, Mark, Missed, Part },
  props: { texts: Object, language: String, who: String, label: Boolean },
  data() {
    return {
      words: Vue.markRaw(new Words(this.texts, this.language)), seen: Vue.markRaw(new Seen(this.who)), api: Vue.markRaw(new Api()),
      queue: null, show: "all", most: PAGE, view: "grid", part: null, report: false, code: "", busy: false, note: null, undo: [], lost: "", why: "", escaped: null,
    };
  },
  computed: {
    shows() {
      const counts = this.queue?.counts;
      const all = counts ? Object.values(counts).reduce((a, b) => a + b, 0) : null;
      return SHOWS.filter((s) => ["all", "undecided", "reject", "sample", this.show].includes(s) || counts?.[s]).map((s) => ({
        name: s, text: this.words.t(`review.show.${s}`), count: s === "sample" ? null : s === "all" ? all : (counts?.[s] ?? null),
      }));
    },
    acts: () => ACTS,
    items() {
      return this.queue?.items ?? [];
    },
    unseen() {
      const further = Math.max(0, (this.queue?.left ?? 0) - this.items.length);
      return this.items.filter((i) => !this.seen.has(i.part_id)).length + further;
    },
    at() {
      return this.items.findIndex((i) => i.part_id === this.part?.part_id);
    },
    place() {
      const free = (items) => items.some((i) => !i.by);
      if (this.at < 0) return { before: false, after: !this.report && free(this.items) };
      return { before: free(this.items.slice(0, this.at)), after: free(this.items.slice(this.at + 1)) };
    },
    left() {
      const n = this.words.whole.format(this.queue?.left ?? 0);
      return this.queue?.more ? `${n}+` : n;
    },
    last() {
      return this.undo.at(-1);
    },
    lastText() {
      return this.last ? this.words.t("review.undo_what", { part: this.short(this.last.part_id), word: this.words.t(`review.said_${this.last.truth}`) }) : "";
    },
  },
  methods: {
    short: (id) => (id.length > 14 ? `…${id.slice(-10)}` : id),
    tell(text, bad = false) {
      clearTimeout(this.telling);
      this.note = { text, bad };
      this.telling = setTimeout(() => (this.note = null), bad ? 4 * TELL_MS : TELL_MS);
    },
    wrong(error) {
      this.tell(error.said?.text ?? this.words.t("review.no_answer"), true);
    },
    async refresh() {
      const show = this.show;
      try {
        const queue = await this.api.queue(show, Math.min(500, this.most));
        if (show === this.show) this.queue = queue;
        this.lost = "";
      } catch (error) {
        this.lost = this.words.t(error.status === 503 ? "review.no_record" : "review.no_answer");
        this.why = error.said?.text ?? "";
        if (error.status === 401) location.assign(`/login?to=${encodeURIComponent(location.pathname + location.search)}`);
      }
    },
    async poll() {
      if (document.hidden) return;
      await this.refresh();
      const id = this.view === "part" && !this.busy ? this.part?.part_id : null;
      if (!id) return;
      try {
        const fresh = await this.api.part(id);
        if (this.part?.part_id === id && !this.busy) this.part = fresh;
      } catch {
        // the queue has just said whether anybody answers
      }
    },
    choose(show) {
      this.show = show;
      this.most = PAGE;
      this.queue = null;
      this.refresh();
    },
    address() {
      const query = new URLSearchParams();
      if (this.view === "part") query.set("part", this.part.part_id);
      if (this.report || this.view === "missed") query.set("report", "1");
      const text = query.toString();
      history.replaceState(history.state, "", text ? `?${text}` : location.pathname);
    },
    async open(id, report = false) {
      try {
        const part = await this.api.open(id);
        Object.assign(this, { part, report: report && part.passed, view: "part", escaped: null });
        if (report && !part.passed) this.tell(this.words.t("review.did_not_pass", { part: id }), true);
        this.seen.add(id);
        this.address();
        for (const next of this.items.slice(this.at + 1, this.at + 3)) if (next.size) new Image().src = picture(next.part_id, "full"); // is here when it is wanted
        return true;
      } catch (error) {
        this.wrong(error);
        return false;
      }
    },
    /** To the next part that nobody else has, from a place of the queue in a direction; false: there is none. */
    async step(way, from = this.at) {
      for (let i = from + way; i >= 0 && i < this.items.length; i += way) {
        const { part_id, by } = this.items[i];
        if (!by && (await this.open(part_id)) && !this.part.by) return true;
      }
      return false;
    },
    begin() {
      const free = this.items.find((i) => !i.by && !this.seen.has(i.part_id)) ?? this.items.find((i) => !i.by);
      if (free) this.open(free.part_id);
    },
    leave() {
      if (this.view === "part" && this.part) this.api.close(this.part.part_id).catch(() => {});
      const id = this.part?.part_id;
      Object.assign(this, { view: this.report ? "missed" : "grid", part: null, report: false, code: "", escaped: null });
      this.address();
      this.refresh();
      this.$nextTick(() => this.$el.querySelector(`[data-part="${CSS.escape(id ?? "")}"]`)?.focus());
    },
    missed(code = "") {
      if (this.view === "part" && this.part) this.api.close(this.part.part_id).catch(() => {});
      Object.assign(this, { view: "missed", part: null, report: false, code, escaped: null });
      this.address();
    },
    grid() {
      this.report = false;
      this.leave();
    },
    async say(id, said, here) {
      if (this.busy) return;
      this.busy = true;
      const from = this.items.findIndex((i) => i.part_id === id);
      const how = this.report ? "report" : from < 0 ? "other" : this.show === "sample" ? "sample" : "queue";
      try {
        const done = await this.api.say(id, { ...said, how });
        this.undo = [...this.undo, { number: done.review.number, part_id: id, truth: said.truth }].slice(-MOST_UNDO);
        if (done.escape) this.note = null;
        else this.tell(this.words.t("review.done", { part: this.short(id), word: this.words.t(`review.said_${said.truth}`) }));
        this.seen.add(id);
        if (this.queue) this.queue = { ...this.queue, escapes: done.escapes, left: Math.max(0, this.queue.left - (from >= 0)), items: this.items.filter((i) => i.part_id !== id) };
        if (done.escape) {
          this.escaped = { part_id: id, total: done.escapes };
          if (here) await this.open(id).then(() => (this.escaped = { part_id: id, total: done.escapes }));
        } else if (here) {
          if (from < 0 || !((await this.step(1, from - 1)) || (await this.step(-1, from)))) this.leave();
        }
        this.busy = false; // not before the next part is there: a second tap is not meant for the first one
        this.refresh();
      } catch (error) {
        const newest = error.said?.newer?.at(-1);
        if (newest && here) this.note = null;
        else if (newest) this.tell(`${this.short(id)}: ${this.words.t("review.meanwhile", { who: newest.who })} ${this.words.t(newest.truth === "withdrawn" ? "review.withdrawn" : `review.said_${newest.truth}`)}`, true);
        else this.wrong(error);
        if (error.status === 409) {
          if (here) this.part = await this.api.part(id).catch(() => this.part);
          this.refresh();
        }
        this.busy = false;
      }
    },
    async takeBack() {
      const last = this.last;
      if (!last || this.busy) return;
      this.busy = true;
      try {
        const { review } = await this.api.undo(last.number);
        this.undo = this.undo.slice(0, -1);
        const back = review.truth !== "withdrawn" && this.words.t(`review.said_${review.truth}`);
        this.tell(this.words.t(back ? "review.undone_to" : "review.undone", { part: this.short(last.part_id), word: back }));
        await this.refresh();
        this.busy = false;
        if (this.view !== "missed") await this.open(last.part_id);
      } catch (error) {
        if (error.status === 409) this.undo = this.undo.slice(0, -1);
        this.wrong(error);
      }
      this.busy = false;
    },
    async quick(item, truth) {
      await this.say(item.part_id, { truth, boxes: null, note: "", seen: await this.newest(item.part_id) }, false);
    },
    /** Of a part that nobody has reviewed, as the grid shows it, the newest review is none or a withdrawal. */
    async newest(id) {
      try {
        const part = await this.api.part(id);
        const last = part.reviews.at(-1);
        return !last || last.truth === "withdrawn" ? part.newest : 0;
      } catch {
        return 0;
      }
    },
    keydown(event) {
      if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
      const field = event.target.closest?.("input, textarea, select, dialog[open]");
      if (field) {
        if (event.key === "Escape" && field.tagName === "INPUT") field.blur();
        return;
      }
      const { key } = event;
      if (key === "Enter" && this.keys.press(event, null)) return event.preventDefault();
      if (key === "?" || key === "F1") {
        event.preventDefault();
        return this.$refs.help.open();
      }
      if (this.view === "part") {
        if ((key === "ArrowLeft" || key === "ArrowRight") && !event.target.closest?.("[data-box]")) {
          event.preventDefault();
          return this.step(key === "ArrowLeft" ? -1 : 1);
        }
        if (key === " " && event.target.closest?.("button, [role=button], summary")) return;
        const act = this.$refs.part?.key(key, event);
        return this.keys.press(event, event.repeat ? null : act);
      }
      if (this.view === "missed" && key === "Escape") return this.grid();
      const act = this.view === "grid" ? this.gridKey(event) : null;
      this.keys.press(event, event.repeat ? null : act);
    },
    gridKey(event) {
      const { key } = event;
      const cards = [...this.$el.querySelectorAll(".gt-rc-open")];
      const here = cards.indexOf(document.activeElement);
      const columns = cards.filter((c) => Math.abs(c.getBoundingClientRect().top - cards[0].getBoundingClientRect().top) < 4).length;
      const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns }[key];
      if (step && cards.length) {
        event.preventDefault();
        cards[here < 0 ? 0 : Math.max(0, Math.min(cards.length - 1, here + step))].focus();
        return null;
      }
      const letter = key.toLowerCase();
      if (letter === "z") return () => this.takeBack();
      if (letter === "m") return () => this.missed();
      const act = ACTS.find((a) => a.key.toLowerCase() === letter);
      const item = here >= 0 ? this.items[here] : null;
      if (!act || !item || item.by) return null;
      return async () => {
        await this.quick(item, act.truth);
        this.$nextTick(() => this.$el.querySelectorAll(".gt-rc-open")[Math.min(here, this.items.length - 1)]?.focus());
      };
    },
    keyup(event) {
      this.$refs.part?.keyUp(event.key);
    },
    scanned(code) {
      if (this.view === "part" && !this.report) this.open(code);
      else this.missed(code);
    },
    goodbye() {
      if (this.part) navigator.sendBeacon?.(`/api/review/parts/${encodeURIComponent(this.part.part_id)}/close`, new Blob([JSON.stringify({ tab: this.api.tab })], { type: "application/json" }));
    },
    cut() {
      this.lost = this.words.t("review.no_answer");
    },
    awake() {
      if (!document.hidden) this.poll();
    },
  },
  watch: {
    undo(undo) {
      try {
        sessionStorage.setItem(`gutteil_undo:${this.who}`, JSON.stringify(undo));
      } catch {
        // then it lasts until the page is left
      }
    },
  },
  created() {
    try {
      this.undo = JSON.parse(sessionStorage.getItem(`gutteil_undo:${this.who}`) ?? "[]");
    } catch {
      this.undo = [];
    }
    this.keys = new Keys((code) => this.scanned(code));
  },
  async mounted() {
    addEventListener("keydown", this.keydown);
    addEventListener("keyup", this.keyup);
    addEventListener("pagehide", this.goodbye);
    document.addEventListener("visibilitychange", this.awake);
    globalThis.socket?.on("disconnect", this.cut); // the frame's own; it hears of it before the next question is due
    globalThis.socket?.on("connect", this.awake);
    this.timer = setInterval(() => this.poll(), POLL_MS);
    const query = new URLSearchParams(location.search);
    await this.refresh();
    const id = query.get("part");
    if (id) await this.open(id, query.get("report") === "1");
    else if (query.get("report") === "1") this.missed();
  },
  unmounted() {
    clearInterval(this.timer);
    globalThis.socket?.off("disconnect", this.cut);
    globalThis.socket?.off("connect", this.awake);
    removeEventListener("keydown", this.keydown);
    removeEventListener("keyup", this.keyup);
    removeEventListener("pagehide", this.goodbye);
    document.removeEventListener("visibilitychange", this.awake);
  },
  template: `
    <div class="gt-rv" :class="'is-' + view">
      <div class="gt-rv-head">
        <button v-if="view !== 'grid'" type="button" class="gt-rv-plain" @click="grid"><Mark name="left" /><span>{{ words.t("review.to_queue") }}</span></button>
        <h1>{{ view === "missed" || report ? words.t("review.missed") : words.t("page.review") }}</h1>
        <p class="gt-rv-counts" aria-live="polite">
          <template v-if="queue"><span><b>{{ left }}</b> {{ words.t("review.left") }}</span><span><b>{{ words.whole.format(queue.counts.undecided) }}</b> {{ words.t("review.undecided") }}</span><span class="gt-rv-wide"><b>{{ words.whole.format(unseen) }}</b> {{ words.t("review.not_seen") }}</span></template>
        </p>
        <span v-if="lost" class="gt-rv-lost" role="alert" :title="why"><Mark name="warning" />{{ lost }}</span>
        <span v-if="queue?.escapes" class="gt-rv-escapes"><Mark name="warning" /><b>{{ words.whole.format(queue.escapes) }}{{ queue.exact ? "" : "+" }}</b> {{ words.t(queue.escapes === 1 ? "review.escape" : "review.escapes") }}</span>
        <button type="button" class="gt-rv-plain is-undo" :aria-label="words.t('review.undo')" :disabled="!last || busy" :title="words.t('review.undo') + ' (Z)'" @click="takeBack"><i class="q-icon material-icons" aria-hidden="true">undo</i><span>{{ words.t("review.undo") }}</span><small v-if="last" class="gt-rv-wide">{{ lastText }}</small></button>
        <button type="button" class="gt-rv-plain is-icon" :aria-label="words.t('review.help')" :title="words.t('review.help') + ' (?)'" @click="$refs.help.open()"><i class="q-icon material-icons" aria-hidden="true">keyboard</i></button>
        <button v-if="view === 'grid'" type="button" class="gt-rv-plain" :title="words.t('review.missed') + ' (M)'" @click="missed()"><i class="q-icon material-icons" aria-hidden="true">report</i><span>{{ words.t("review.missed_short") }}</span></button>
        <button v-if="view === 'grid' && items.length" type="button" class="gt-rv-primary" @click="begin"><i class="q-icon material-icons" aria-hidden="true">play_arrow</i>{{ words.t("review.begin") }}</button>
      </div>

      <div v-if="escaped" class="gt-rv-escaped" role="alert"><Mark name="warning" />
        <span><b>{{ words.t("review.escape_recorded", { part: escaped.part_id }) }}</b><small>{{ words.t("review.escape_held") }} {{ words.t(escaped.total === 1 ? "review.escape_total_one" : "review.escape_total", { n: words.whole.format(escaped.total) }) }}</small></span>
        <button type="button" class="gt-rv-plain" @click="grid">{{ words.t("review.to_queue") }}</button></div>

      <Part v-if="view === 'part'" ref="part" :item="part" :words="words" :label="label" :report="report" :place="place" :busy="busy"
        @say="say(part.part_id, $event, true)" @step="step" @leave="leave" @undo="takeBack" />

      <Missed v-else-if="view === 'missed'" :api="api" :words="words" :seen="seen" :code="code" @open="open($event, true)" @seen="seen.add($event)" />

      <div v-else class="gt-rv-queue">
        <div class="gt-rv-shows" role="group" :aria-label="words.t('review.show')">
          <button v-for="s in shows" :key="s.name" type="button" class="gt-rv-show" :aria-pressed="s.name === show" @click="choose(s.name)">{{ s.text }}<b v-if="s.count !== null">{{ words.whole.format(s.count) }}</b></button>
        </div>
        <p v-if="show === 'sample'" class="gt-rv-hint">{{ words.t("review.sample_hint") }}</p>
        <ul v-if="items.length" class="gt-rv-grid" :aria-label="words.t('review.queue')">
          <Card v-for="i in items" :key="i.part_id" :item="i" :words="words" :seen="seen.has(i.part_id)" :acts="acts" :busy="busy" @open="open(i.part_id)" @seen="seen.add(i.part_id)" @say="quick(i, $event)" />
        </ul>
        <div v-else-if="queue" class="gt-rv-done"><Mark name="OK" /><h2>{{ words.t(show === "sample" ? "review.no_sample" : "review.all_done") }}</h2><p>{{ words.t("review.all_done_hint") }}</p>
          <button v-if="show !== 'sample'" type="button" class="gt-rv-primary" @click="choose('sample')">{{ words.t("review.take_sample") }}</button></div>
        <p v-if="queue && queue.left > items.length" class="gt-rv-more"><button type="button" class="gt-rv-plain" @click="most += 60; refresh()">{{ words.t("review.more") }}</button></p>
      </div>

      <div class="gt-rv-note" role="status" aria-live="polite"><p v-if="note" :class="{ 'is-bad': note.bad }"><Mark :name="note.bad ? 'warning' : 'ok'" /><span>{{ note.text }}</span>
        <button v-if="!note.bad && last" type="button" @click="takeBack">{{ words.t("review.undo") }}</button><button v-else type="button" :aria-label="words.t('review.close_note')" @click="note = null"><Mark name="close" /></button></p></div>
      <Help ref="help" :words="words" :label="label" />
    </div>`,
};
