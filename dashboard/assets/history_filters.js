// What is looked for: a field for scanner and fingers, spans of time, verdicts; the rest folds out. Every change is a new address.
const SPANS = ["shift", "last-shift", "today", "yesterday", "week"];
const VERDICTS = ["OK", "NG", "UNDECIDED"];
const MORE = ["kind", "outcome", "recipe", "model", "run", "reviewed", "truth", "reviewer", "held", "contradicted", "image"];

export default {
  props: { query: Object, words: Object },
  emits: ["search"],
  data: () => ({ part: "", open: false, dates: false, choices: null }),
  computed: {
    custom() {
      return this.dates || Boolean(this.query.from || this.query.to);
    },
    more() {
      return MORE.filter((name) => this.query[name]).length;
    },
    any() {
      return Object.keys(this.query).length > 0;
    },
    fields() {
      const w = this.words;
      const c = this.choices ?? { kinds: [], recipes: [], models: [], runs: [], reviewers: [] };
      const yesNo = (name) => [["1", w.t(`history.${name}.yes`)], ["0", w.t(`history.${name}.no`)]];
      const all = {
        kind: c.kinds.map((k) => [k, w.kind(k)]),
        outcome: ["passed", "ejected", "missed", "none"].map((o) => [o, o === "none" ? w.t("history.outcome.none") : w.t(`part.outcome.${o}`)]),
        recipe: c.recipes.map((r) => [r, r]),
        model: c.models.map((m) => [m.sha256, `${m.name} ${m.sha256.slice(0, 8)}`]),
        run: c.runs.map((r) => [r.run_id, `${w.full.format(r.begin_ms)} ${r.recipe}`]),
        reviewed: yesNo("reviewed"),
        truth: ["good", "bad", "unsure"].map((t) => [t, w.t(`history.truth.${t}`)]),
        reviewer: c.reviewers.map((p) => [p, p]),
        held: yesNo("held_filter"),
        contradicted: yesNo("contradicted_filter"),
        image: yesNo("image_filter"),
      };
      return MORE.map((name) => {
        const chosen = this.query[name] ?? "";
        const options = all[name];
        return { name, chosen, options: chosen && !options.some(([v]) => v === chosen) ? [...options, [chosen, chosen]] : options };
      });
    },
  },
  watch: {
    query: {
      immediate: true,
      handler(query) {
        this.part = query.part ?? "";
        if (MORE.some((name) => query[name])) this.unfold();
      },
    },
  },
  methods: {
    spans: () => SPANS,
    verdicts: () => VERDICTS,
    set(changes) {
      const query = { ...this.query, ...changes };
      this.$emit("search", Object.fromEntries(Object.entries(query).filter(([, value]) => value)));
    },
    span(name) {
      this.dates = false;
      this.set({ span: this.query.span === name ? "" : name, from: "", to: "" });
    },
    async unfold() {
      this.open = true;
      if (this.choices) return;
      const answer = await fetch("/api/inspections/choices");
      if (answer.ok) this.choices = await answer.json();
    },
    /** What a scanner types ends with Enter: a whole id opens its part, anything else is how ids begin. */
    async scan() {
      const part = this.part.trim();
      if (part) {
        const answer = await fetch(`/api/parts/${encodeURIComponent(part)}`);
        if (answer.ok) {
          location.assign(`/parts/${encodeURIComponent(part)}`);
          return;
        }
      }
      this.set({ part, prefix: part ? "1" : "" });
      this.$refs.part.select();
    },
  },
  mounted() {
    this.$refs.part.focus();
  },
  template: `
    <form class="gt-filters" role="search" @submit.prevent="scan">
      <div class="gt-filter-line">
        <label class="gt-scan"><span>{{ words.t("history.part") }}</span><input ref="part" v-model="part" type="search" maxlength="200" autocomplete="off" spellcheck="false" :placeholder="words.t('history.scan')" /></label>
        <div class="gt-chips" role="group" :aria-label="words.t('history.time')">
          <button v-for="name in spans()" :key="name" type="button" :aria-pressed="String(query.span === name)" @click="span(name)">{{ words.t("history.span." + name) }}</button>
          <button type="button" :aria-pressed="String(custom)" :aria-expanded="String(custom)" @click="dates = !custom; dates || set({ from: '', to: '' })">{{ words.t("history.span.custom") }}</button>
        </div>
        <div class="gt-chips" role="group" :aria-label="words.t('history.column.verdict')">
          <button v-for="v in verdicts()" :key="v" type="button" :class="'is-' + v" :aria-pressed="String(query.verdict === v)" @click="set({ verdict: query.verdict === v ? '' : v })">{{ words.t("history.verdict." + v) }}</button>
        </div>
        <div class="gt-chips">
          <button type="button" :aria-expanded="String(open)" aria-controls="more-filters" @click="open ? (open = false) : unfold()">{{ words.t("history.more") }}<b v-if="more"> · {{ more }}</b></button>
          <button v-if="any" type="button" @click="dates = false; $emit('search', {})">{{ words.t("history.clear") }}</button>
        </div>
      </div>
      <div v-if="custom" class="gt-filter-line">
        <label><span>{{ words.t("history.from") }}</span><input type="datetime-local" :value="query.from" @change="set({ span: '', from: $event.target.value })" /></label>
        <label><span>{{ words.t("history.to") }}</span><input type="datetime-local" :value="query.to" @change="set({ span: '', to: $event.target.value })" /></label>
      </div>
      <div v-if="open" id="more-filters" class="gt-filter-line gt-more">
        <label v-for="f in fields" :key="f.name"><span>{{ words.t("history.filter." + f.name) }}</span>
          <select :value="f.chosen" @change="set({ [f.name]: $event.target.value })"><option value="">{{ words.t("history.any") }}</option><option v-for="[value, name] in f.options" :key="value" :value="value">{{ name }}</option></select>
        </label>
      </div>
    </form>`,
};
