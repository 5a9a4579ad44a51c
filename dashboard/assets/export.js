// Taking parts out: what kind of file, how much that is, and how far it has come.
const KINDS = ["csv", "images", "coco"];
const POLL_MS = 1000;

export default {
  props: { query: Object, words: Object },
  emits: ["close"],
  data: () => ({ kind: "csv", excel: false, german: false, station: false, plan: null, failed: "", token: "", progress: null }),
  computed: {
    address() {
      const options = { csv: { bom: this.excel, decimal: this.german ? "comma" : "" }, images: {}, coco: { boxes: this.station ? "station" : "" } }[this.kind];
      const given = Object.entries({ ...this.query, ...options, bom: options.bom ? "1" : "" }).filter(([, value]) => value);
      return new URLSearchParams(given).toString();
    },
    size() {
      const w = this.words;
      if (!this.plan) return "";
      const parts = w.whole.format(this.plan.parts);
      const text = w.t(this.plan.exact ? "history.parts" : "history.at_least", { parts });
      return this.kind === "csv" ? text : `${w.t("export.pictures", { count: w.whole.format(this.plan.pictures) })} · ${w.tenth.format(this.plan.bytes / 1e6)} MB`;
    },
  },
  watch: {
    address: { immediate: true, handler: "look" },
    kind: "look",
  },
  methods: {
    kinds: () => KINDS,
    async look() {
      this.plan = null;
      this.failed = "";
      const asked = `/api/export/plan/${this.kind}?${this.address}`;
      this.asked = asked;
      const answer = await fetch(asked);
      const said = await answer.json();
      if (this.asked !== asked) return;
      if (answer.ok) this.plan = said;
      else this.failed = said.text;
    },
    start() {
      this.token = [...crypto.getRandomValues(new Uint8Array(16))].map((b) => b.toString(16).padStart(2, "0")).join("");
      this.progress = { done: 0, of: 0, state: "begun", text: "" };
      const link = document.createElement("a");
      link.href = `/api/export/${this.kind}?${this.address}&token=${this.token}`;
      link.download = "";
      link.click();
      clearInterval(this.timer);
      this.timer = setInterval(() => this.poll(), POLL_MS);
    },
    async poll() {
      const answer = await fetch(`/api/export/progress/${this.token}`);
      if (!answer.ok) return;
      this.progress = await answer.json();
      if (this.progress.state !== "running") clearInterval(this.timer);
    },
  },
  mounted() {
    this.$refs.dialog.showModal();
  },
  unmounted() {
    clearInterval(this.timer);
  },
  template: `
    <dialog ref="dialog" class="gt-export" aria-labelledby="export-title" @close="$emit('close')">
      <h2 id="export-title">{{ words.t("export.title") }}</h2>
      <p class="gt-hint">{{ words.t("export.what") }}</p>
      <fieldset><legend>{{ words.t("export.kind") }}</legend>
        <label v-for="k in kinds()" :key="k"><input type="radio" name="kind" :value="k" v-model="kind" /> {{ words.t("export.kind." + k) }}</label>
      </fieldset>
      <fieldset v-if="kind === 'csv'"><legend>{{ words.t("export.options") }}</legend>
        <label><input type="checkbox" v-model="excel" /> {{ words.t("export.bom") }}</label>
        <label><input type="checkbox" v-model="german" /> {{ words.t("export.comma") }}</label>
      </fieldset>
      <fieldset v-if="kind === 'coco'"><legend>{{ words.t("export.options") }}</legend>
        <label><input type="checkbox" v-model="station" /> {{ words.t("export.station_boxes") }}</label>
      </fieldset>
      <p role="status" class="gt-export-size"><b>{{ size || (failed ? "" : words.t("history.searching")) }}</b></p>
      <p v-if="failed" role="alert" class="gt-history-failed">{{ failed }}</p>
      <div v-if="progress" role="status"><progress :max="progress.of || 1" :value="progress.done" :aria-label="words.t('export.title')"></progress>
        <p>{{ words.t("export.state." + progress.state, { done: words.whole.format(progress.done), why: progress.text }) }}</p></div>
      <div class="gt-actions"><button type="button" class="gt-button is-quiet" @click="$refs.dialog.close()">{{ words.t("viewer.close") }}</button>
        <button type="button" class="gt-button is-primary" :disabled="!plan || progress?.state === 'running'" @click="start">{{ words.t("export.go") }}</button></div>
    </dialog>`,
};
