// One part: the picture, what the model says, what a person says. Judging is the page's one action; everything else serves it.
import Boxes from "/assets/boxes.js";
import Mark from "/assets/mark.js";
import { picture } from "/assets/review_api.js";

const NOTICED_MS = 1500; // what somebody else has said counts as seen when it has been on the screen for so long
export const ACTS = [
  { truth: "bad", key: "B", mark: "NG", left: true },
  { truth: "unsure", key: "U", mark: "UNDECIDED" },
  { truth: "good", key: "G", mark: "OK" },
];

export default {
  components: { Boxes, Mark },
  emits: ["say", "step", "leave", "undo", "help", "busy"],
  props: { item: Object, words: Object, label: Boolean, report: Boolean, place: Object, busy: Boolean },
  data: () => ({
    boxes: null, selected: -1, kind: "", note: "", overlay: true, compare: false, blink: false, drawing: false, swipe: 0, seen: 0, news: null, other: "", naming: false,
  }),
  computed: {
    shown() {
      return this.item.size !== null;
    },
    urls() {
      const id = this.item.part_id;
      return { full: picture(id, "full"), sharp: picture(id, "original"), reference: this.item.reference ? picture(id, "full", "reference") : "" };
    },
    acts() {
      const all = this.report ? ACTS.filter((a) => a.truth === "bad") : ACTS;
      return all.map((a) => ({ ...a, text: this.words.t(this.item.passed ? `review.passed_${a.truth}` : `review.${a.truth}`) }));
    },
    gone() {
      const state = this.item.picture.replace(" ", "_") || "none";
      return this.words.t(`review.picture.${state === "stored" ? "none" : state}`);
    },
    reviews() {
      return [...this.item.reviews].reverse();
    },
    counts() {
      const newest = this.item.reviews.at(-1);
      return newest && newest.truth !== "withdrawn" ? newest : null;
    },
    chips() {
      const own = this.boxes?.map((b) => b.kind) ?? [];
      const all = [...new Set([...this.item.classes, ...own, ...(this.kind ? [this.kind] : [])])];
      return all.map((name, i) => ({ name, key: i < 9 ? String(i + 1) : "", on: name === (this.selected >= 0 ? this.list[this.selected]?.kind : this.kind) }));
    },
    list() {
      return this.boxes ?? this.item.defects;
    },
    chipsHint() {
      if (this.selected >= 0) return this.words.t("review.class_of_box", { n: this.selected + 1 });
      return this.words.t(this.label && this.shown ? "review.class_of_next" : "review.class_of_part");
    },
    noteMissing() {
      return this.report && !this.note.trim();
    },
    presets() {
      return ["review.found_customer", "review.found_next", "review.found_check"].map((key) => this.words.t(key));
    },
  },
  watch: {
    "item.part_id": { immediate: true, handler: "begin" },
    "item.newest"(now, before) {
      if (now <= before) return;
      const newest = this.item.reviews.at(-1);
      this.news = newest;
      clearTimeout(this.noticing);
      this.noticing = setTimeout(() => (this.seen = now), NOTICED_MS);
    },
  },
  methods: {
    begin() {
      clearTimeout(this.noticing);
      const before = this.counts;
      Object.assign(this, { selected: -1, kind: "", news: null, compare: false, blink: false, other: "", naming: false, seen: this.item.newest });
      this.boxes = before?.truth === "bad" && before.boxes ? before.boxes.map((b) => ({ ...b })) : null;
      this.note = this.report ? "" : before?.note ?? "";
      this.drawing = this.report && this.label;
      if (this.drawing) this.kind = this.item.classes[0] ?? "";
      this.$nextTick(() => this.$refs.stage?.focus({ preventScroll: true }));
    },
    why(item) {
      return item.reasons.map((r) => this.words.reason(r));
    },
    size: (b) => `${Math.round(b.box[2] - b.box[0])} × ${Math.round(b.box[3] - b.box[1])} px`,
    adopt() {
      this.boxes = this.item.defects.map((b) => ({ kind: b.kind, box: [...b.box], score: 0, verdict: "" }));
    },
    setKind(name) {
      const lone = this.selected < 0 && this.list.length === 1 && !this.drawing ? 0 : this.selected;
      if (lone < 0) {
        this.kind = this.kind === name && !this.drawing ? "" : name;
        return;
      }
      if (this.boxes === null) this.adopt();
      this.boxes[lone].kind = name;
      this.selected = lone;
    },
    addKind() {
      const name = this.other.trim();
      if (name) this.setKind(name);
      this.naming = false;
      this.other = "";
    },
    draw(on) {
      this.drawing = on && this.label && this.shown;
      if (this.drawing) {
        this.overlay = true;
        this.selected = -1;
        if (!this.kind) this.kind = this.list[0]?.kind ?? this.item.classes[0] ?? "defect";
      }
    },
    say(truth) {
      if (this.busy || (this.report && (truth !== "bad" || this.noteMissing))) {
        if (this.noteMissing) this.$refs.note?.focus();
        return;
      }
      const words = this.boxes === null && truth === "bad" && this.kind ? [this.kind, this.note.trim()].filter(Boolean).join(": ") : this.note.trim();
      const boxes = truth === "bad" && this.boxes !== null ? this.boxes.map((b) => ({ kind: b.kind, box: b.box })) : null;
      this.$emit("say", { truth, boxes, note: words.slice(0, 200), seen: this.seen });
    },
    /** A key that no field wants; true: it was for us. */
    key(key, event) {
      const acts = { b: () => this.say("bad"), g: () => this.say("good"), u: () => this.say("unsure"), z: () => this.$emit("undo") };
      if (this.label && this.shown) {
        acts.d = () => this.draw(!this.drawing);
        acts.n = () => (this.draw(true), this.$refs.boxes.addMiddle());
        acts.k = () => this.boxes === null && this.item.defects.length && this.adopt();
      }
      if (this.shown) {
        acts.o = () => (this.overlay = !this.overlay);
        acts["+"] = () => this.$refs.boxes.zoomBy(1.5);
        acts["-"] = () => this.$refs.boxes.zoomBy(1 / 1.5);
        acts["0"] = () => this.$refs.boxes.whole();
        if (this.item.reference) acts.c = () => (this.compare = !this.compare);
      }
      const chip = /^[1-9]$/.test(key) ? this.chips[Number(key) - 1] : null;
      if (chip) return () => this.setKind(chip.name);
      if ((key === " " || key === "r") && this.item.reference && this.shown) {
        event.preventDefault();
        if (!event.repeat) this.blink = true;
        return null;
      }
      if (key === "Escape") {
        if (this.naming) this.naming = false;
        else if (this.selected >= 0) this.selected = -1;
        else if (this.drawing && !this.report) this.drawing = false;
        else this.$emit("leave");
        return null;
      }
      return acts[key.toLowerCase()] ?? null;
    },
    keyUp(key) {
      if (key === " " || key === "r") this.blink = false;
    },
    truthWord(review) {
      return this.words.t(review.truth === "withdrawn" ? "review.withdrawn" : `review.said_${review.truth}`);
    },
    mark: (truth) => ({ bad: "NG", good: "OK", unsure: "UNDECIDED" })[truth] ?? "unknown",
  },
  unmounted() {
    clearTimeout(this.noticing);
  },
  template: `
    <section class="gt-rp" :class="{ 'is-report': report }" :aria-label="words.t('review.part', { part: item.part_id })">
      <div ref="stage" class="gt-rp-stage" :class="{ 'has-tools': shown }" tabindex="-1">
        <template v-if="shown">
          <Boxes ref="boxes" :key="item.part_id" :src="urls.full" :sharp="urls.sharp" :reference="urls.reference" :size="item.size" :model="item.defects" :boxes="boxes" :shadow="item.shadow_defects"
            :selected="selected" :editable="label" :overlay="overlay" :compare="compare" :blink="blink" :drawing="drawing" :kind="kind" :words="words" :label="words.t('review.picture_of', { part: item.part_id })"
            @change="boxes = $event" @select="selected = $event" @adopt="adopt" @swipe="say($event === 'left' ? 'bad' : 'good')" @swiping="swipe = report ? 0 : $event" />
          <div class="gt-rp-tools" role="toolbar" aria-orientation="vertical" :aria-label="words.t('review.tools')">
            <button v-if="label" type="button" :aria-pressed="drawing" :title="words.t('review.draw') + ' (D)'" @click="draw(!drawing)"><i class="q-icon material-icons" aria-hidden="true">highlight_alt</i><span>{{ words.t("review.draw") }}</span></button>
            <button type="button" :aria-pressed="overlay" :title="words.t('review.overlay') + ' (O)'" @click="overlay = !overlay"><i class="q-icon material-icons" aria-hidden="true">{{ overlay ? "layers" : "layers_clear" }}</i><span>{{ words.t("review.overlay") }}</span></button>
            <template v-if="item.reference">
              <button type="button" :aria-pressed="compare" :title="words.t('review.compare') + ' (C)'" @click="compare = !compare"><i class="q-icon material-icons" aria-hidden="true">compare</i><span>{{ words.t("review.compare") }}</span></button>
              <button type="button" :aria-pressed="blink" :title="words.t('review.blink_hint')" @pointerdown="blink = true" @pointerup="blink = false" @pointerleave="blink = false" @pointercancel="blink = false" @contextmenu.prevent><i class="q-icon material-icons" aria-hidden="true">flip</i><span>{{ words.t("review.blink") }}</span></button>
            </template>
            <span class="gt-rp-zoom">
              <button type="button" :aria-label="words.t('review.zoom_out')" :title="words.t('review.zoom_out') + ' (−)'" @click="$refs.boxes.zoomBy(1 / 1.5)"><i class="q-icon material-icons" aria-hidden="true">remove</i></button>
              <button type="button" :aria-label="words.t('review.zoom_whole')" :title="words.t('review.zoom_whole') + ' (0)'" @click="$refs.boxes.whole()"><i class="q-icon material-icons" aria-hidden="true">fit_screen</i></button>
              <button type="button" :aria-label="words.t('review.zoom_in')" :title="words.t('review.zoom_in') + ' (+)'" @click="$refs.boxes.zoomBy(1.5)"><i class="q-icon material-icons" aria-hidden="true">add</i></button>
            </span>
          </div>
          <div v-if="Math.abs(swipe) > 24" class="gt-rp-swipe" :class="[swipe < 0 ? 'is-bad' : 'is-good', { 'is-far': Math.abs(swipe) > 80 }]" aria-hidden="true">
            <Mark :name="swipe < 0 ? 'NG' : 'OK'" />{{ acts.find((a) => a.truth === (swipe < 0 ? "bad" : "good"))?.text }}
          </div>
        </template>
        <div v-else class="gt-rp-gone"><i class="q-icon material-icons" aria-hidden="true">image_not_supported</i><b>{{ gone }}</b><p>{{ words.t("review.judge_by_data") }}</p></div>
      </div>

      <aside class="gt-rp-side">
        <div class="gt-rp-facts" tabindex="0" role="region" :aria-label="words.t('review.facts')">
          <div v-if="item.by" class="gt-rp-banner is-warning" role="status"><i class="q-icon material-icons" aria-hidden="true">lock_clock</i><span>{{ words.t("review.taken", { who: item.by }) }}</span></div>
          <div v-if="news" class="gt-rp-banner is-warning" role="alert">
            <Mark :name="mark(news.truth)" /><span><b>{{ words.t("review.meanwhile", { who: news.who }) }} {{ truthWord(news) }}</b><small>{{ words.t("review.meanwhile_hint") }}</small></span>
          </div>
          <header class="gt-rp-word" :class="'is-' + item.verdict"><Mark :name="item.verdict" /><b>{{ item.verdict ? words.t("word." + item.verdict) : "–" }}</b><small v-if="item.outcome">{{ words.t("part.outcome." + item.outcome) }}</small></header>
          <p class="gt-rp-id"><b>{{ item.part_id }}</b><time>{{ words.clock.format(item.wall_ms) }}</time></p>
          <p v-if="report" class="gt-rp-lead">{{ words.t("review.report_lead") }}</p>
          <p v-if="item.shadow" class="gt-rp-shadow"><i class="q-icon material-icons" aria-hidden="true">contrast</i>{{ words.t("review.shadow_says", { word: words.t("word." + item.shadow) }) }}</p>

          <template v-if="label || list.length || item.classes.length">
            <h2>{{ words.t("review.class") }} <small>{{ chipsHint }}</small></h2>
            <div class="gt-rp-chips">
              <button v-for="c in chips" :key="c.name" type="button" class="gt-rp-chip" :aria-pressed="c.on" @click="setKind(c.name)"><kbd v-if="c.key" aria-hidden="true">{{ c.key }}</kbd><span>{{ words.kind(c.name) }}</span></button>
              <button v-if="label && !naming" type="button" class="gt-rp-chip is-other" @click="naming = true; $nextTick(() => $refs.other.focus())">+ {{ words.t("review.other_class") }}</button>
              <form v-if="naming" class="gt-rp-other" @submit.prevent="addKind"><input ref="other" v-model="other" maxlength="64" :aria-label="words.t('review.other_class')" @keydown.esc.stop="naming = false" /><button type="submit" :aria-label="words.t('review.take_class')"><Mark name="ok" /></button></form>
            </div>
          </template>

          <h2>{{ words.t("review.defects") }} <small>{{ words.t(boxes === null ? (list.length ? "review.by_model" : "review.no_boxes") : "review.by_you", { n: list.length }) }}</small></h2>
          <ul class="gt-rp-boxes">
            <li v-for="(b, i) in list" :key="i" :class="{ 'is-on': i === selected }">
              <button type="button" class="gt-rp-pick" :aria-pressed="i === selected" @click="selected = i; boxes === null && label && adopt(); $refs.boxes?.near(b.box)"><span class="gt-rp-swatch" :class="boxes === null ? 'is-model' : 'is-own'"></span><b>{{ words.kind(b.kind) }}</b><small>{{ b.score ? words.share.format(b.score) : size(b) }}</small></button>
              <button v-if="label && boxes !== null" type="button" class="gt-rp-drop" :aria-label="words.t('review.drop_box', { n: i + 1 })" :title="words.t('review.drop_box', { n: i + 1 })" @click="$refs.boxes.remove(i)"><i class="q-icon material-icons" aria-hidden="true">delete</i></button>
            </li>
          </ul>
          <div v-if="label && shown" class="gt-rp-row">
            <button v-if="boxes === null && list.length" type="button" class="gt-rp-small" @click="adopt"><i class="q-icon material-icons" aria-hidden="true">task_alt</i>{{ words.t("review.confirm_boxes") }}<kbd aria-hidden="true">K</kbd></button>
            <button v-if="boxes !== null" type="button" class="gt-rp-small" @click="boxes = null; selected = -1"><i class="q-icon material-icons" aria-hidden="true">restart_alt</i>{{ words.t("review.drop_mine") }}</button>
          </div>

          <label class="gt-rp-note"><span>{{ words.t(report ? "review.reason" : "review.note") }}</span>
            <input ref="note" v-model="note" maxlength="200" :aria-required="report" :placeholder="words.t(report ? 'review.reason_hint' : 'review.note_hint')" /></label>
          <div v-if="report" class="gt-rp-chips"><button v-for="p in presets" :key="p" type="button" class="gt-rp-chip" :aria-pressed="note === p" @click="note = p">{{ p }}</button></div>

          <template v-if="reviews.length > 0">
            <h2>{{ words.t("review.said_before") }}</h2>
            <ol class="gt-rp-said"><li v-for="r in reviews" :key="r.number"><Mark :name="mark(r.truth)" /><span><b>{{ truthWord(r) }}</b> · {{ r.who }}<small>{{ words.full.format(r.wall_ms) }}<template v-if="r.note"> · {{ r.note }}</template></small></span></li></ol>
          </template>

          <h2>{{ words.t("review.facts") }}</h2>
          <dl>
            <template v-if="item.reasons.length"><dt>{{ words.t("review.why") }}</dt><dd v-for="(r, i) in why(item)" :key="i">{{ r }}</dd></template>
            <dt>{{ words.t("review.time") }}</dt><dd>{{ words.full.format(item.wall_ms) }}</dd>
            <dt>{{ words.t("review.recipe") }}</dt><dd>{{ item.recipe || "–" }} · {{ item.model || "–" }}</dd>
            <template v-if="item.held"><dt>{{ words.t("review.held") }}</dt><dd>{{ words.t("review.held_yes") }}</dd></template>
          </dl>
        </div>
      </aside>

      <footer class="gt-rp-keys">
        <button type="button" class="gt-rp-go" :disabled="!place.before" @click="$emit('step', -1)" :aria-label="words.t('review.back')" :title="words.t('review.back') + ' (←)'"><Mark name="left" /></button>
        <button v-for="a in acts" :key="a.truth" type="button" class="gt-rp-act" :class="['is-' + a.truth, { 'is-said': counts?.truth === a.truth }]" :disabled="busy || (report && noteMissing)" :aria-keyshortcuts="a.key" @click="say(a.truth)">
          <Mark :name="a.mark" /><span>{{ report ? words.t("review.report_go") : a.text }}</span><kbd aria-hidden="true">{{ a.key }}</kbd>
        </button>
        <button type="button" class="gt-rp-go" :disabled="!place.after" @click="$emit('step', 1)" :aria-label="words.t('review.next')" :title="words.t('review.next') + ' (→)'"><Mark name="right" /></button>
      </footer>
    </section>`,
};
