// A part in the grid. Resting on it plays it: near to each defect, blinking against the reference; and marks it as seen.
import Mark from "/assets/mark.js";
import { picture } from "/assets/review_api.js";

const WAIT_MS = 280; // a pointer that passes by does not play everything on its way
const SEEN_MS = 900;
const STEPS = [
  { ms: 1300 },
  { ms: 380, reference: true },
  { ms: 380 },
  { ms: 380, reference: true },
  { ms: 700 },
];
const still = matchMedia("(prefers-reduced-motion: reduce)");

export default {
  components: { Mark },
  emits: ["open", "seen", "say"],
  props: { item: Object, words: Object, seen: Boolean, acts: Array, busy: Boolean },
  data: () => ({ step: -1, broken: false, noReference: false }),
  computed: {
    size() {
      return this.item.size ?? [1, 1];
    },
    source() {
      return picture(this.item.part_id, this.step >= 0 ? "full" : "thumb");
    },
    reference() {
      return picture(this.item.part_id, "full", "reference");
    },
    playing() {
      return this.step >= 0;
    },
    now() {
      return STEPS[this.step % STEPS.length] ?? {};
    },
    film() {
      const box = this.playing ? this.item.boxes[Math.floor(this.step / STEPS.length) % this.item.boxes.length] : null;
      if (!box) return {};
      const [w, h] = this.size;
      const [x1, y1, x2, y2] = box;
      const zoom = Math.max(1.6, Math.min(6, w / (x2 - x1) / 3.2, h / (y2 - y1) / 3.2));
      const at = (centre, whole) => (Math.min(0, Math.max(whole * (1 - zoom), whole / 2 - zoom * centre)) / whole) * 100;
      return { "--zoom": zoom, transform: `translate(${at((x1 + x2) / 2, w)}%, ${at((y1 + y2) / 2, h)}%) scale(${zoom})` };
    },
    what() {
      const kinds = this.item.kinds.map((k) => this.words.kind(k)).join(", ");
      return kinds || this.words.t("review.no_defect");
    },
    short() {
      const id = this.item.part_id;
      return id.length > 12 ? `…${id.slice(-10)}` : id;
    },
    reasons() {
      return this.item.why.filter((w) => !["undecided", "reject"].includes(w));
    },
    label() {
      const word = this.item.verdict ? this.words.t(`word.${this.item.verdict}`) : "–";
      return [this.words.t("review.open", { part: this.item.part_id }), word, this.what, this.seen ? this.words.t("review.seen") : "", this.item.by ? this.words.t("review.taken", { who: this.item.by }) : ""].filter(Boolean).join(", ");
    },
  },
  methods: {
    enter(event) {
      if (event.pointerType !== "mouse" || !this.item.size) return;
      this.waiting = setTimeout(() => {
        if (!still.matches && this.item.boxes.length) this.play(0);
        this.noticing = setTimeout(() => this.$emit("seen"), SEEN_MS - WAIT_MS);
      }, WAIT_MS);
    },
    play(step) {
      this.step = step;
      const skip = this.noReference && this.now.reference;
      this.next = setTimeout(() => this.play(step + 1), skip ? 0 : this.now.ms);
    },
    leave() {
      clearTimeout(this.waiting);
      clearTimeout(this.noticing);
      clearTimeout(this.next);
      this.step = -1;
    },
  },
  unmounted() {
    this.leave();
  },
  template: `
    <li class="gt-rc" :class="['is-' + item.verdict, { 'is-seen': seen, 'is-taken': item.by, 'is-playing': playing }]" @pointerenter="enter" @pointerleave="leave">
      <button type="button" class="gt-rc-open" :data-part="item.part_id" :aria-label="label" @click="$emit('open')">
        <span class="gt-rc-view" :style="{ aspectRatio: size[0] + ' / ' + size[1] }">
          <span v-if="item.size && !broken" class="gt-rc-film" :style="film">
            <img :src="source" alt="" loading="lazy" decoding="async" draggable="false" @error="broken = true" />
            <img v-if="playing && !noReference" v-show="now.reference" :src="reference" alt="" draggable="false" @error="noReference = true" />
            <svg v-show="!now.reference" :viewBox="'0 0 ' + size[0] + ' ' + size[1]" aria-hidden="true"><rect v-for="(b, i) in item.boxes" :key="i" :x="b[0] - 4" :y="b[1] - 4" :width="b[2] - b[0] + 8" :height="b[3] - b[1] + 8" /></svg>
          </span>
          <span v-else class="gt-rc-none"><i class="q-icon material-icons" aria-hidden="true">image_not_supported</i><b>{{ words.clock.format(item.wall_ms) }}</b>{{ words.t("part.no_picture") }}</span>
          <span v-if="now.reference" class="gt-rc-tag">{{ words.t("review.reference") }}</span>
          <span class="gt-rc-word"><Mark :name="item.verdict || 'unknown'" />{{ item.verdict ? words.t("word." + item.verdict) : "–" }}</span>
          <span v-if="item.by" class="gt-rc-by"><i class="q-icon material-icons" aria-hidden="true">lock_clock</i>{{ item.by }}</span>
          <span v-else-if="seen" class="gt-rc-seen"><i class="q-icon material-icons" aria-hidden="true">visibility</i>{{ words.t("review.seen") }}</span>
        </span>
        <span class="gt-rc-text"><b>{{ acts ? what : short }}</b><span v-for="r in reasons" :key="r" class="gt-rc-why">{{ words.t("review.why." + r) }}</span><time>{{ words.clock.format(item.wall_ms) }}</time></span>
      </button>
      <span v-if="acts" class="gt-rc-acts">
        <button v-for="a in acts" :key="a.truth" type="button" :class="'is-' + a.truth" :disabled="busy || Boolean(item.by)" :title="words.t('review.' + a.truth) + ' (' + a.key + ')'" :aria-label="words.t('review.say_of', { word: words.t('review.' + a.truth), part: item.part_id })" @click="$emit('say', a.truth)"><Mark :name="a.mark" /></button>
      </span>
    </li>`,
};
