// One part with everything that the record knows about it, and the replay of its verdict.
import Mark from "/assets/mark.js";
import Timings from "/assets/part_timings.js";
import PartNotes from "/assets/part_notes.js";
import Picture from "/assets/picture.js";
import Replay from "/assets/replay.js";
import { Words } from "/assets/words.js";

export default {
  components: { Mark, PartNotes, Picture, Replay, Timings },
  props: { texts: Object, language: String, may: Object, partId: String },
  data: () => ({ doc: null, failed: "", reference: false }),
  computed: {
    words() {
      return new Words(this.texts, this.language);
    },
    at() {
      return `/api/parts/${encodeURIComponent(this.partId)}`;
    },
    row() {
      return this.doc.part;
    },
    verdict() {
      return this.row.verdict ?? "none";
    },
    referenceAt() {
      if (this.row.reference_path) return `${this.at}/picture?size=full&of=reference`;
      return this.doc.run.golden ? `${this.at}/golden` : "";
    },
    shown() {
      const key = `${this.partId} ${this.reference}`;
      if (this.reference) return { key, part_id: this.partId, picture: this.referenceAt, defects: [] };
      const defects = this.row.defects.map((d) => ({ ...d, box: [d.x1, d.y1, d.x2, d.y2] }));
      const { width, height } = this.doc;
      return { key, part_id: this.partId, picture: this.row.image_path ? `${this.at}/picture?size=full` : "", width, height, defects };
    },
    facts() {
      const { row: part, doc, words: w } = this;
      const hash = (name, sha256) => [name, sha256 ? sha256.slice(0, 12) : ""].filter(Boolean).join(" · ") || "–";
      const offset = part.ejection_offset_us === null ? "" : w.t("onepart.offset", { ms: w.signed.format(part.ejection_offset_us / 1000) });
      return [
        ["time", w.full.format(doc.wall_ms)],
        ["outcome", [part.outcome ? w.t(`part.outcome.${part.outcome}`) : w.t("history.outcome.none"), part.ejection_reason, offset].filter(Boolean).join(" · ")],
        ["recipe", hash(part.recipe, part.recipe_hash), part.recipe_hash],
        ["model", hash(doc.run.model, part.model_hash), part.model_hash],
        ["product", doc.run.product || "–"],
        ["run", part.run_id ? w.t("onepart.run_trigger", { run: part.run_id, trigger: part.trigger_id }) : "–"],
        ["camera", [doc.run.camera, part.source].filter(Boolean).join(" · ") || "–"],
        ["runtime", [doc.run.provider.toUpperCase(), doc.run.software].filter(Boolean).join(" · ") || "–"],
        ["evidence", w.t(`onepart.evidence.${(part.evidence ?? "none").replace(" ", "_")}`)],
        ...(part.expected ? [["expected", w.t(`history.verdict.${part.expected}`)]] : []),
      ];
    },
    review() {
      return `/review?part=${encodeURIComponent(this.partId)}`;
    },
    around() {
      return [
        ["previous", this.doc.previous, "left"],
        ["following", this.doc.following, "right"],
      ];
    },
  },
  methods: {
    link: (id) => `/parts/${encodeURIComponent(id)}`,
    async load() {
      const answer = await fetch(this.at);
      if (answer.status === 401) location.assign(`/login?to=${encodeURIComponent(location.pathname)}`);
      const said = await answer.json();
      if (answer.ok) this.doc = said;
      else this.failed = said.text;
    },
    key(event) {
      if (event.target.closest("input, textarea, select, dialog") || event.altKey || event.ctrlKey || event.metaKey) return;
      const to = { ArrowLeft: this.doc?.previous, ArrowRight: this.doc?.following }[event.key];
      if (to) location.assign(this.link(to.part_id));
    },
  },
  mounted() {
    addEventListener("keydown", this.key);
    this.load();
  },
  unmounted() {
    removeEventListener("keydown", this.key);
  },
  template: `
    <div class="gt-onepart">
      <header class="gt-onepart-head">
        <a class="gt-button" href="/history">{{ words.t("page.history") }}</a>
        <h1><small>{{ words.t("onepart.title") }}</small> <span class="gt-id">{{ partId }}</span></h1>
        <nav v-if="doc" :aria-label="words.t('onepart.neighbours')">
          <template v-for="[name, next, mark] in around" :key="name">
            <a v-if="next" class="gt-button" :href="link(next.part_id)" :aria-label="words.t('onepart.' + name, { verdict: words.t('history.verdict.' + (next.verdict ?? 'none')) })" :title="next.part_id"><Mark :name="mark" /></a>
          </template>
        </nav>
      </header>
      <p v-if="failed" role="alert" class="gt-history-failed">{{ failed }}</p>
      <div v-if="doc" class="gt-onepart-body">
        <section class="gt-card gt-onepart-shot" :aria-label="words.t('onepart.picture')">
          <Picture :part="shown" :words="words" :label="words.t('onepart.picture')" />
          <div class="gt-chips" role="group" v-if="referenceAt">
            <button type="button" :aria-pressed="String(!reference)" @click="reference = false">{{ words.t("viewer.part") }}</button>
            <button type="button" :aria-pressed="String(reference)" @click="reference = true">{{ words.t("onepart.reference") }}</button>
          </div>
        </section>
        <section class="gt-card gt-onepart-facts">
          <div :class="['gt-verdict', 'is-' + verdict]"><Mark :name="row.verdict ?? 'unknown'" /><b>{{ words.t("history.verdict." + verdict) }}</b>
            <span v-if="row.simulated" class="gt-badge is-simulated">{{ words.t("frame.simulated") }}</span>
            <span v-if="row.held" class="gt-badge is-held">{{ words.t("history.held") }}</span></div>
          <p v-if="row.contradicted" class="gt-history-failed">{{ words.t("onepart.contradicted") }}</p>
          <ul v-if="row.defects.length" class="gt-defect-list">
            <li v-for="(d, i) in row.defects" :key="i" :class="'is-' + d.verdict"><Mark :name="d.verdict" /><span>{{ words.kind(d.kind) }}</span><b>{{ words.shareFine.format(d.score) }}</b></li>
          </ul>
          <p v-else>{{ row.reasons.length ? row.reasons.map((r) => words.reason(r)).join(" · ") : words.t("viewer.no_defects") }}</p>
          <dl class="gt-facts"><template v-for="[name, value, title] in facts" :key="name"><dt>{{ words.t("onepart.fact." + name) }}</dt><dd :title="title">{{ value }}</dd></template></dl>
          <div class="gt-row"><a v-if="may.review" class="gt-button" :href="review">{{ words.t("onepart.review") }}</a>
            <a v-if="may.review && row.outcome === 'passed'" class="gt-button" :href="review + '&report=1'">{{ words.t("onepart.report") }}</a></div>
        </section>
        <Timings :part="row" :words="words" />
        <Replay :at="at" :words="words" />
        <PartNotes :doc="doc" :at="at" :may="may" :words="words" @changed="load" />
      </div>
    </div>`,
};
