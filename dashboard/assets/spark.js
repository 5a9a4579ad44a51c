// The last hour in sixty columns: parts, and of these the rejects at the bottom.
const HEIGHT = 30;

export default {
  props: { hour: Object, words: Object },
  computed: {
    columns() {
      const most = Math.max(1, ...this.hour.minutes.map(([parts]) => parts));
      return this.hour.minutes.map(([parts, rejected], x) => {
        const high = (HEIGHT * parts) / most;
        const low = rejected ? Math.max(2, (HEIGHT * rejected) / most) : 0; // one reject among many is still to be seen
        return { x, y: HEIGHT - high, high, low, bottom: HEIGHT - low };
      });
    },
    label() {
      return this.words.t("hour.label", { parts: this.words.whole.format(this.hour.parts), rejected: this.words.whole.format(this.hour.rejected) });
    },
  },
  template: `
    <svg class="gt-spark" viewBox="0 0 60 ${HEIGHT}" preserveAspectRatio="none" role="img" :aria-label="label">
      <title>{{ label }}</title>
      <template v-for="c in columns" :key="c.x">
        <rect class="gt-spark-parts" :x="c.x" :y="c.y" width="0.8" :height="c.high" />
        <rect v-if="c.low" class="gt-spark-rejects" :x="c.x" :y="c.bottom" width="0.8" :height="c.low" />
      </template>
    </svg>`,
};
