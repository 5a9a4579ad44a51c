// The replay of a verdict: the same byte for byte, or why not.
import Mark from "/assets/mark.js";

export default {
  components: { Mark },
  props: { at: String, words: Object },
  data: () => ({ busy: false, failed: "", said: null }),
  computed: {
    mark() {
      return { same: "OK", close: "warning", different: "NG", impossible: "unknown" }[this.said.result];
    },
    tone() {
      return { same: "OK", close: "UNDECIDED", different: "NG", impossible: "none" }[this.said.result];
    },
    causes() {
      return this.said.causes.map((c) => ({ ...c, words: this.words.has(`rejudge.cause.${c.code}`) ? this.words.t(`rejudge.cause.${c.code}`) : c.text }));
    },
    rows() {
      const { recorded, now } = this.said;
      const w = this.words;
      const said = (s) => [s.verdict ? w.t(`history.verdict.${s.verdict}`) : "–", s.reasons.map((r) => w.reason(r)).join(" · ") || "–", s.defects.map((d) => `${w.kind(d.kind)} ${w.shareExact.format(d.score)}`).join(" · ") || "–"];
      const [a, b] = [said(recorded), now ? said(now) : ["–", "–", "–"]];
      return ["verdict", "reasons", "defects"].map((name, i) => ({ name, recorded: a[i], now: b[i] }));
    },
  },
  methods: {
    async replay() {
      this.busy = true;
      this.failed = "";
      this.said = null;
      try {
        const answer = await fetch(`${this.at}/rejudge`, { method: "POST", headers: { "X-Gutteil": "1" } });
        const said = await answer.json();
        if (answer.ok) this.said = said;
        else this.failed = said.text;
      } catch (error) {
        this.failed = String(error);
      } finally {
        this.busy = false;
      }
    },
  },
  template: `
    <section class="gt-card gt-replay"><h2>{{ words.t("rejudge.title") }}</h2>
      <p class="gt-hint">{{ words.t("rejudge.hint") }}</p>
      <button type="button" class="gt-button is-primary" :disabled="busy" @click="replay">{{ words.t(busy ? "rejudge.busy" : "rejudge.go") }}</button>
      <p v-if="failed" role="alert" class="gt-history-failed">{{ failed }}</p>
      <div v-if="said" role="status" class="gt-replay-said">
        <p :class="['gt-verdict', 'is-' + tone]"><Mark :name="mark" /><b>{{ words.t("rejudge.result." + said.result) }}</b></p>
        <ul v-if="causes.length"><li v-for="c in causes" :key="c.code" :title="c.code">{{ c.words }}<small v-if="c.words !== c.text">{{ c.text }}</small></li></ul>
        <table v-if="said.now" class="gt-table">
          <thead><tr><th></th><th>{{ words.t("rejudge.recorded") }}</th><th>{{ words.t("rejudge.now") }}</th></tr></thead>
          <tbody><tr v-for="r in rows" :key="r.name"><th scope="row">{{ words.t("history.column." + r.name) }}</th><td>{{ r.recorded }}</td><td :class="{ 'is-other': r.now !== r.recorded }">{{ r.now }}</td></tr>
            <tr><th scope="row">SHA-256</th><td class="gt-id">{{ said.recorded_sha256.slice(0, 16) }}</td><td class="gt-id">{{ said.now_sha256.slice(0, 16) }}</td></tr></tbody>
        </table>
        <p v-if="said.differences">{{ words.t("rejudge.bounds", { score: words.digits.format(said.differences.score), px: words.digits.format(said.differences.box_px) }) }}</p>
        <p class="gt-hint">{{ said.provider.toUpperCase() }} · {{ said.software }} · {{ words.fine.format(said.seconds * 1000) }} ms</p>
      </div>
    </section>`,
};
