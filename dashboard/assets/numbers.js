// Counts of the shift or the run, and how the last hour went.
import Mark from "/assets/mark.js";
import Spark from "/assets/spark.js";

const SPANS = ["shift", "run"];
const KEPT = "gutteil_span";

export default {
  components: { Mark, Spark },
  props: { snap: Object, words: Object },
  data: () => ({ spans: SPANS, chosen: SPANS.find((s) => s === localStorage.getItem(KEPT)) ?? SPANS[0] }),
  computed: {
    counts() {
      return this.snap?.spans[this.chosen]?.counts ?? this.snap?.counts; // without a record: since the station started
    },
    title() {
      return this.words.t(this.snap?.spans[this.chosen] ? `count.of_${this.chosen}` : "count.title");
    },
    numbers() {
      const c = this.counts;
      const n = (value) => (c ? this.words.whole.format(value) : "–");
      return [
        { key: "parts", name: "count.parts", value: n(c?.parts) },
        { key: "yield", name: "count.yield", value: c?.parts ? this.words.shareFine.format(c.ok / c.parts) : "–" },
        { key: "rate", name: "count.rate", value: this.snap ? this.words[this.snap.per_minute < 10 ? "tenth" : "whole"].format(this.snap.per_minute) : "–" },
        { key: "ok", name: "word.OK", mark: "OK", value: n(c?.ok) },
        { key: "ng", name: "word.NG", mark: "NG", value: n(c?.ng) },
        { key: "undecided", name: "word.UNDECIDED", mark: "UNDECIDED", value: n(c?.undecided) },
        { key: "passed", name: "count.passed", mark: "passed", value: n(c?.passed) },
        { key: "ejected", name: "count.ejected", mark: "ejected", value: n(c?.ejected) },
        { key: "missed", name: "count.missed", mark: "missed", value: n(c?.missed), bad: this.snap?.alarms.some((a) => a.code === "ejection-missed") },
      ];
    },
    rate() {
      const hour = this.snap?.hour;
      return hour?.parts ? hour.rejected / hour.parts : null;
    },
    usual() {
      const found = this.snap?.hour?.usual;
      if (!found || this.rate === null) return null;
      const [low, high] = found;
      const place = this.rate > high ? "above" : this.rate < low ? "below" : "within";
      return { place, text: this.words.t(`hour.${place}`, { low: this.words.shareShort.format(low), high: this.words.shareShort.format(high) }) };
    },
  },
  methods: {
    choose(span) {
      this.chosen = span;
      localStorage.setItem(KEPT, span);
    },
    name(shift) {
      return this.words.has(`shift.${shift}`) ? this.words.t(`shift.${shift}`) : shift; // those of the settings that come with the appliance
    },
    since(span) {
      const found = this.snap?.spans[span];
      if (!found) return "";
      const text = this.words.t("count.since", { time: this.words.moment(found.since_ms) });
      return found.name ? `${this.name(found.name)} · ${text}` : text;
    },
  },
  template: `
    <section class="gt-figures" :aria-label="title">
      <div class="gt-hour">
        <div class="gt-spans" role="group" :aria-label="words.t('count.span')">
          <button v-for="s in spans" :key="s" type="button" :aria-pressed="s === chosen" @click="choose(s)"><b>{{ words.t("count." + s) }}</b> <small>{{ since(s) }}</small></button>
        </div>
        <Spark v-if="snap?.hour" :hour="snap.hour" :words="words" />
        <p class="gt-rate" :class="usual ? 'is-' + usual.place : ''">
          <b><Mark v-if="usual && usual.place !== 'within'" name="warning" />{{ rate === null ? "–" : words.shareFine.format(rate) }}</b> <span>{{ words.t("hour.rejects") }}</span>
          <small v-if="usual">{{ usual.text }}</small>
        </p>
      </div>
      <div class="gt-numbers">
        <div v-for="n in numbers" :key="n.key" class="gt-number" :class="['is-' + n.key, { 'is-alarming': n.bad }]">
          <span><Mark v-if="n.mark" :name="n.mark" />{{ words.t(n.name) }}</span><b>{{ n.value }}</b>
        </div>
      </div>
    </section>`,
};
