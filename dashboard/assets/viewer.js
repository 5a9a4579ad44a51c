// One reject, enlarged. Shows the part that was tapped even while newer ones come.
import Mark from "/assets/mark.js";
import Picture from "/assets/picture.js";

export default {
  components: { Mark, Picture },
  props: { rejects: Array, words: Object },
  data: () => ({ part: null }),
  computed: {
    place() {
      return this.rejects.findIndex((p) => p.key === this.part?.key);
    },
    current() {
      return this.place >= 0 ? this.rejects[this.place] : this.part; // with the outcome that has come since
    },
  },
  methods: {
    open(part) {
      this.part = part;
      this.$refs.dialog.showModal();
    },
    close() {
      this.$refs.dialog.close();
    },
    go(step) {
      const next = this.rejects[this.place + step];
      if (next) this.part = next;
    },
    key(event) {
      if (event.key === "ArrowLeft") this.go(-1);
      else if (event.key === "ArrowRight") this.go(1);
    },
  },
  template: `
    <dialog ref="dialog" class="gt-viewer" :aria-label="words.t('viewer.title')" @close="part = null" @keydown="key" @click.self="close">
      <div v-if="current" class="gt-viewer-body">
        <Picture :part="current" :words="words" :label="words.t('viewer.title')" />
        <aside>
          <div class="gt-viewer-facts">
            <header :class="'is-' + current.verdict"><Mark :name="current.verdict" /><b>{{ words.t("word." + current.verdict) }}</b></header>
            <p v-if="current.simulated" class="gt-simulated">{{ words.t("frame.simulated") }}</p>
            <h2>{{ words.t("viewer.defects") }}</h2>
            <ul v-if="current.defects.length" class="gt-defects">
              <li v-for="(d, i) in current.defects" :key="i" :class="'is-' + d.verdict">
                <Mark :name="d.verdict" /><span>{{ words.kind(d.kind) }}</span><b>{{ words.share.format(d.score) }}</b>
              </li>
              <li v-if="current.more_defects">{{ words.t("part.more", { count: current.more_defects }) }}</li>
            </ul>
            <p v-else>{{ words.t("viewer.no_defects") }}</p>
            <dl>
              <template v-if="current.reasons.length > 0 && !current.defects.length">
                <dt>{{ words.t("viewer.reasons") }}</dt><dd v-for="(r, i) in current.reasons" :key="i">{{ words.reason(r) }}</dd>
              </template>
              <dt>{{ words.t("viewer.outcome") }}</dt><dd>{{ current.outcome ? words.t("part.outcome." + current.outcome) : "–" }}</dd>
              <dt>{{ words.t("viewer.time") }}</dt><dd>{{ words.full.format(current.wall_ms) }}</dd>
              <dt>{{ words.t("viewer.took") }}</dt><dd>{{ words.tenth.format(current.total_ms) }} ms</dd>
              <dt>{{ words.t("viewer.part") }}</dt><dd class="gt-id">{{ current.part_id }}</dd>
            </dl>
          </div>
          <div class="gt-viewer-keys">
            <button type="button" :disabled="place < 1" @click="go(-1)" :aria-label="words.t('viewer.newer')" :title="words.t('viewer.newer')"><Mark name="left" /></button>
            <button type="button" :disabled="place < 0 || place + 1 >= rejects.length" @click="go(1)" :aria-label="words.t('viewer.older')" :title="words.t('viewer.older')"><Mark name="right" /></button>
            <button type="button" class="gt-wide" @click="close" autofocus><Mark name="close" /> {{ words.t("viewer.close") }}</button>
          </div>
        </aside>
      </div>
    </dialog>`,
};
