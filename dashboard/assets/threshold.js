// The two thresholds of a class over the scores of the last parts: from where a defect is doubtful, from where it rejects.
const THUMB = 48; // px; the bands begin and end in the middle of it, as the thumb does

export default {
  props: { label: String, undecided: Number, ng: Number, words: Object, bars: Array, disabled: Boolean },
  emits: ["change"],
  data() {
    return { low: this.undecided, high: this.ng };
  },
  watch: {
    undecided(value) {
      this.low = value;
    },
    ng(value) {
      this.high = value;
    },
  },
  computed: {
    most() {
      return Math.max(1, ...this.bars.map((b) => b.bad + b.good + b.other));
    },
    stacks() {
      // by the square root: the few sure defects are to be seen beside the many faint ones
      return this.bars.map((b, i) => {
        const all = b.bad + b.good + b.other;
        const tall = 28 * Math.sqrt(all / this.most);
        const part = (n) => (all ? (tall * n) / all : 0);
        const x = (i * 100) / this.bars.length;
        return [
          { name: "bad", x, y: 30 - part(b.bad), h: part(b.bad) },
          { name: "good", x, y: 30 - part(b.bad + b.good), h: part(b.good) },
          { name: "other", x, y: 30 - tall, h: part(b.other) },
        ];
      });
    },
  },
  methods: {
    place(value) {
      return `calc(${THUMB / 2}px + ${value} * (100% - ${THUMB}px))`;
    },
    span(from, to) {
      return { left: this.place(from), width: `calc(${to - from} * (100% - ${THUMB}px))` };
    },
    move(which, event) {
      const value = Number(event.target.value);
      if (which === "low") {
        this.low = value;
        this.high = Math.max(this.high, value);
      } else {
        this.high = value;
        this.low = Math.min(this.low, value);
      }
      this.$emit("change", { undecided: this.low, ng: this.high });
    },
  },
  template: `
    <div class="gt-thr" role="group" :aria-label="label">
      <div class="gt-thr-bars" aria-hidden="true">
        <div class="gt-thr-band is-good" :style="span(0, low)"><span v-if="low > 0.12">{{ words.nothing }}</span></div>
        <div class="gt-thr-band is-doubt" :style="span(low, high)"><span v-if="high - low > 0.12">{{ words.doubtful }}</span></div>
        <div class="gt-thr-band is-bad" :style="span(high, 1)"><span v-if="high < 0.88">{{ words.reject }}</span></div>
        <svg viewBox="0 0 100 30" preserveAspectRatio="none" :style="{ left: '${THUMB / 2}px', width: 'calc(100% - ${THUMB}px)' }">
          <template v-for="(stack, i) in stacks" :key="i">
            <rect v-for="s in stack" :key="s.name" :class="'is-' + s.name" :x="s.x" :width="90 / bars.length" :y="s.y" :height="s.h" />
          </template>
        </svg>
      </div>
      <label class="gt-thr-row is-low">
        <span>{{ words.low }}</span><output>{{ low.toFixed(2) }}</output>
        <input type="range" min="0" max="1" step="0.01" :value="low" :disabled="disabled" :aria-label="label + ': ' + words.low" @input="move('low', $event)" />
      </label>
      <label class="gt-thr-row is-high">
        <span>{{ words.high }}</span><output>{{ high.toFixed(2) }}</output>
        <input type="range" min="0" max="1" step="0.01" :value="high" :disabled="disabled" :aria-label="label + ': ' + words.high" @input="move('high', $event)" />
      </label>
    </div>
  `,
};
