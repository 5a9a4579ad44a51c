// A picture with its defects drawn and named. Picture and boxes change together: boxes of one part never lie on another's picture.
const MAX_LABELS = 12;
const MIN_BOX_PX = 16; // on the screen: smaller defects get a larger frame around them
const PAD_PX = 5;

const ruler = document.createElement("canvas").getContext("2d");

export default {
  props: { part: Object, words: Object, label: String },
  emits: ["shown"],
  data: () => ({ shown: null, broken: false, size: [0, 0], scale: 1 }),
  computed: {
    boxes() {
      const px = 1 / this.scale;
      return (this.shown?.defects ?? []).map((d, index) => {
        const [x1, y1, x2, y2] = d.box;
        const w = Math.max(x2 - x1, MIN_BOX_PX * px) + 2 * PAD_PX * px;
        const h = Math.max(y2 - y1, MIN_BOX_PX * px) + 2 * PAD_PX * px;
        return { index, x: (x1 + x2 - w) / 2, y: (y1 + y2 - h) / 2, w, h, ng: d.verdict === "NG", score: d.score, text: `${this.words.kind(d.kind)} ${this.words.share.format(d.score)}` };
      });
    },
    labels() {
      const px = 1 / this.scale;
      const font = Math.max(14, Math.min(22, this.size[0] * this.scale * 0.024));
      ruler.font = `600 ${font}px Roboto, sans-serif`;
      const [width, height] = this.size;
      const h = font * 1.45 * px;
      const placed = [];
      const wanted = [...this.boxes].sort((a, b) => b.score - a.score).slice(0, MAX_LABELS);
      for (const box of wanted) {
        const w = (ruler.measureText(box.text).width + font * 0.8) * px;
        const fit = (x, y) => ({ x: Math.max(0, Math.min(width - w, x)), y: Math.max(0, Math.min(height - h, y)), w, h });
        const gap = 3 * px;
        const places = [
          fit(box.x, box.y - h - gap),
          fit(box.x, box.y + box.h + gap),
          fit(box.x + box.w - w, box.y - h - gap),
          fit(box.x + box.w - w, box.y + box.h + gap),
          fit(box.x + box.w + gap, box.y),
          fit(box.x - w - gap, box.y),
        ];
        const cost = (p) =>
          placed.reduce((sum, o) => sum + overlap(p, o) * 4, 0) + this.boxes.reduce((sum, o) => sum + overlap(p, o), 0);
        const best = places.map((p) => [cost(p), p]).sort((a, b) => a[0] - b[0])[0][1]; // sort is stable: the first place wins a tie
        placed.push({ ...best, ...{ text: box.text, ng: box.ng, font: font * px, index: box.index } });
      }
      return placed;
    },
  },
  watch: {
    shown(now) {
      this.$emit("shown", now);
    },
    part: {
      immediate: true,
      handler(part) {
        this.wanted = part;
        if (part?.key === this.shown?.key) {
          if (part) this.shown = { ...this.shown, outcome: part.outcome };
        } else if (!this.loading) this.load();
      },
    },
  },
  methods: {
    async load() {
      const part = this.wanted;
      if (!part?.picture) {
        this.shown = part ?? null;
        this.broken = Boolean(part);
        return;
      }
      this.loading = true;
      const image = new Image();
      image.src = part.picture;
      try {
        await image.decode();
        this.size = [part.width || image.naturalWidth, part.height || image.naturalHeight];
        this.shown = part;
        this.broken = false;
        this.$nextTick(() => this.measure());
      } catch {
        if (this.wanted?.key === part.key) {
          this.shown = part;
          this.broken = true;
        }
      }
      this.loading = false;
      if (this.wanted?.key !== part.key) this.load(); // the newest wins; those between are skipped
    },
    measure() {
      const svg = this.$refs.svg;
      if (svg && this.size[0]) this.scale = Math.min(svg.clientWidth / this.size[0], svg.clientHeight / this.size[1]) || 1;
    },
  },
  mounted() {
    this.observer = new ResizeObserver(() => this.measure());
    this.observer.observe(this.$refs.box);
  },
  unmounted() {
    this.observer.disconnect();
  },
  template: `
    <div class="gt-picture" ref="box">
      <svg v-if="shown && !broken" ref="svg" :viewBox="'0 0 ' + size[0] + ' ' + size[1]" role="img" :aria-label="label" :data-part="shown.part_id">
        <image :href="shown.picture" :width="size[0]" :height="size[1]" preserveAspectRatio="none" />
        <g v-for="b in boxes" :key="'b' + b.index" :class="b.ng ? 'is-NG' : 'is-UNDECIDED'">
          <rect class="gt-halo" :x="b.x" :y="b.y" :width="b.w" :height="b.h" />
          <rect class="gt-box" :x="b.x" :y="b.y" :width="b.w" :height="b.h" />
        </g>
        <g v-for="l in labels" :key="'l' + l.index" :class="l.ng ? 'is-NG' : 'is-UNDECIDED'">
          <rect class="gt-label" :x="l.x" :y="l.y" :width="l.w" :height="l.h" :rx="l.h * 0.18" />
          <text :x="l.x + l.font * 0.4" :y="l.y + l.h * 0.71" :font-size="l.font">{{ l.text }}</text>
        </g>
      </svg>
      <p v-else class="gt-nothing">{{ shown ? words.t("part.no_picture") : words.t("part.none") }}</p>
    </div>`,
};

function overlap(a, b) {
  const w = Math.min(a.x + a.w, b.x + b.w) - Math.max(a.x, b.x);
  const h = Math.min(a.y + a.h, b.y + b.h) - Math.max(a.y, b.y);
  return w > 0 && h > 0 ? w * h : 0;
}
