// One part in the list.
import Mark from "/assets/mark.js";

const REST_MS = 120; // who scrolls fast does not ask for pictures that nobody sees
const AGAIN_MS = 2500;
const TRIES = 3;

export default {
  components: { Mark },
  props: { row: Object, words: Object, href: String },
  data: () => ({ rested: false, broken: false, tries: 0 }),
  computed: {
    verdict() {
      return this.row.verdict ?? "none";
    },
    kinds() {
      const shown = this.row.kinds.slice(0, 3).map((kind) => this.words.kind(kind)).join(", ");
      return this.row.kinds.length > 3 ? `${shown} +${this.row.kinds.length - 3}` : shown;
    },
    picture() {
      return `/api/parts/${encodeURIComponent(this.row.part_id)}/picture?size=thumb`;
    },
  },
  methods: {
    /** There may have been too many requests at once: once more, a little later. */
    failed() {
      this.broken = true;
      this.tries += 1;
      if (this.tries < TRIES) this.timer = setTimeout(() => (this.broken = false), AGAIN_MS);
    },
  },
  mounted() {
    this.timer = setTimeout(() => (this.rested = true), REST_MS);
  },
  unmounted() {
    clearTimeout(this.timer);
  },
  template: `
    <div class="gt-list-row">
      <span role="gridcell" class="is-picture"><img v-if="row.image && rested && !broken" :src="picture" alt="" decoding="async" @error="failed" /><span v-else-if="row.image && !broken" class="gt-no-picture"></span><span v-else class="gt-no-picture">{{ words.t("history.no_picture") }}</span></span>
      <span role="gridcell" :class="['is-verdict', 'is-' + verdict]"><Mark :name="row.verdict ?? 'unknown'" /><b>{{ words.t("history.verdict." + verdict) }}</b></span>
      <span role="gridcell" class="is-defects"><a :href="href" tabindex="-1">{{ kinds || words.t("history.no_defects") }}</a><small>{{ row.score === null ? "" : words.share.format(row.score) + " ·" }} <span class="gt-id">{{ row.part_id }}</span></small></span>
      <span role="gridcell" class="is-time"><b>{{ words.clock.format(row.wall_ms) }}</b><small>{{ words.day.format(row.wall_ms) }}</small></span>
      <span role="gridcell" class="is-recipe"><span>{{ row.recipe ?? "–" }}</span><small v-if="row.simulated" class="gt-badge is-simulated">{{ words.t("frame.simulated") }}</small></span>
      <span role="gridcell" class="is-outcome"><template v-if="row.outcome"><Mark :name="row.outcome" />{{ words.t("part.outcome." + row.outcome) }}</template><template v-else>–</template></span>
      <span role="gridcell" class="is-review">
        <span v-if="row.truth" :class="['gt-badge', 'is-' + row.truth]">{{ words.t("history.truth." + row.truth) }}</span>
        <small v-if="row.reviewer">{{ row.reviewer }}</small>
        <span v-if="row.held" class="gt-badge is-held">{{ words.t("history.held") }}</span>
        <span v-if="row.contradicted" class="gt-badge is-bad">{{ words.t("history.contradicted") }}</span>
      </span>
    </div>`,
};
