// The last picture with aids for focus and light. Everything is worked out here, so that the station never has to know of it.
import { Feed } from "/assets/feed.js";
import { Words } from "/assets/words.js";

const BINS = 64;
const BLACK = 4;
const WHITE = 251;
const MAX_SIDE = 640; // of what is measured: enough to see focus, quick enough for a tablet

export default {
  props: { texts: Object, language: String },
  data() {
    return { part: null, shown: "", zebra: true, cross: false, actual: false, focus: 0, best: 0, mean: 0, spread: 0, dark: 0, bright: 0, bars: [], words: Vue.markRaw(new Words(this.texts, this.language)) };
  },
  computed: {
    share() {
      return this.best > 0 ? this.focus / this.best : 0;
    },
    measures() {
      const p = (value) => this.words.shareFine.format(value);
      return [
        { key: "focus", name: this.words.t("commission.focus"), value: this.share, note: this.words.t("commission.focus_note", { share: this.words.share.format(this.share) }), bad: this.share < 0.8 },
        { key: "mean", name: this.words.t("commission.brightness"), value: this.mean / 255, note: this.words.t("commission.brightness_note", { mean: this.words.whole.format(this.mean), spread: this.words.whole.format(this.spread) }), bad: this.mean < 40 || this.mean > 215 },
        { key: "dark", name: this.words.t("commission.dark"), value: this.dark, note: p(this.dark), bad: this.dark > 0.05 },
        { key: "bright", name: this.words.t("commission.bright"), value: this.bright, note: p(this.bright), bad: this.bright > 0.02 },
      ];
    },
  },
  methods: {
    async take(part) {
      if (!part?.picture || part.key === this.shown || this.loading) return;
      this.loading = true;
      const image = new Image();
      image.src = part.picture;
      try {
        await image.decode();
        this.image = image;
        this.part = part;
        this.shown = part.key;
        this.measure();
        this.draw();
      } catch {
        // the picture has been overwritten in the meantime; the next one comes
      }
      this.loading = false;
    },
    measure() {
      const gain = Math.min(1, MAX_SIDE / Math.max(this.image.naturalWidth, this.image.naturalHeight));
      const w = Math.max(3, Math.round(this.image.naturalWidth * gain));
      const h = Math.max(3, Math.round(this.image.naturalHeight * gain));
      const canvas = (this.scratch ??= document.createElement("canvas"));
      canvas.width = w;
      canvas.height = h;
      const ink = canvas.getContext("2d", { willReadFrequently: true });
      ink.drawImage(this.image, 0, 0, w, h);
      const rgba = ink.getImageData(0, 0, w, h).data;
      const gray = new Float32Array(w * h);
      const bars = new Array(BINS).fill(0);
      let sum = 0, squares = 0, dark = 0, bright = 0;
      for (let i = 0, j = 0; i < gray.length; i++, j += 4) {
        const g = 0.299 * rgba[j] + 0.587 * rgba[j + 1] + 0.114 * rgba[j + 2];
        gray[i] = g;
        sum += g;
        squares += g * g;
        dark += g <= BLACK;
        bright += g >= WHITE;
        bars[Math.min(BINS - 1, Math.floor((g / 256) * BINS))]++;
      }
      // sharpness: variance of the Laplacian (Pech-Pacheco et al., 2000)
      let edges = 0, edges2 = 0, count = 0;
      for (let y = 1; y < h - 1; y++)
        for (let x = 1, i = y * w + 1; x < w - 1; x++, i++) {
          const l = 4 * gray[i] - gray[i - 1] - gray[i + 1] - gray[i - w] - gray[i + w];
          edges += l;
          edges2 += l * l;
          count++;
        }
      const n = gray.length;
      this.mean = sum / n;
      this.spread = Math.sqrt(Math.max(0, squares / n - this.mean ** 2));
      this.dark = dark / n;
      this.bright = bright / n;
      this.focus = edges2 / count - (edges / count) ** 2;
      this.best = Math.max(this.best, this.focus);
      const most = Math.max(...bars);
      this.bars = bars.map((b) => b / most);
      this.clipped = { gray, w, h };
    },
    draw() {
      const canvas = this.$refs.canvas;
      if (!canvas || !this.image) return;
      canvas.width = this.image.naturalWidth;
      canvas.height = this.image.naturalHeight;
      const ink = canvas.getContext("2d");
      ink.drawImage(this.image, 0, 0);
      if (this.zebra) this.stripe(ink, canvas);
      if (this.cross) {
        ink.strokeStyle = "#6cb4ff";
        ink.lineWidth = Math.max(1, canvas.width / 640);
        for (const [x1, y1, x2, y2] of [[0.5, 0, 0.5, 1], [0, 0.5, 1, 0.5], [1 / 3, 0, 1 / 3, 1], [2 / 3, 0, 2 / 3, 1], [0, 1 / 3, 1, 1 / 3], [0, 2 / 3, 1, 2 / 3]]) {
          ink.beginPath();
          ink.moveTo(x1 * canvas.width, y1 * canvas.height);
          ink.lineTo(x2 * canvas.width, y2 * canvas.height);
          ink.stroke();
        }
      }
    },
    stripe(ink, canvas) {
      const { gray, w, h } = this.clipped;
      const step = canvas.width / w;
      for (let y = 0; y < h; y++)
        for (let x = 0; x < w; x++) {
          const g = gray[y * w + x];
          const white = g >= WHITE;
          if ((!white && g > BLACK) || (x + y) % 6 > 2) continue;
          ink.fillStyle = white ? "#bf1428" : "#2b7fff";
          ink.fillRect(x * step, y * step, step, step);
        }
    },
    begin_anew() {
      this.best = this.focus;
    },
  },
  watch: {
    zebra() {
      this.draw();
    },
    cross() {
      this.draw();
    },
  },
  mounted() {
    this.feed = new Feed(
      (snap) => this.take(snap.part),
      () => {},
    );
  },
  unmounted() {
    this.feed.close();
  },
  template: `
    <div class="gt-preview">
      <div class="gt-preview-picture" :class="{ 'is-actual': actual }" tabindex="0" role="img" :aria-label="part ? part.part_id : words.t('commission.no_picture')">
        <canvas ref="canvas" v-show="part"></canvas>
        <p v-if="!part" class="gt-hint">{{ words.t("commission.no_picture") }}</p>
      </div>
      <div class="gt-preview-side">
        <div v-for="m in measures" :key="m.key" class="gt-measure" :class="{ 'is-bad': part && m.bad }">
          <span>{{ m.name }}</span><b>{{ part ? m.note : "–" }}</b>
          <meter :value="part ? m.value : 0" min="0" max="1" :aria-label="m.name"></meter>
        </div>
        <div class="gt-histogram" role="img" :aria-label="words.t('commission.histogram')"><i v-for="(b, n) in bars" :key="n" :style="{ height: Math.max(1, b * 100) + '%' }"></i></div>
        <label class="gt-check"><input type="checkbox" v-model="zebra" />{{ words.t("commission.zebra") }}</label>
        <label class="gt-check"><input type="checkbox" v-model="cross" />{{ words.t("commission.cross") }}</label>
        <label class="gt-check"><input type="checkbox" v-model="actual" />{{ words.t("commission.actual") }}</label>
        <button type="button" class="gt-button" @click="begin_anew">{{ words.t("commission.focus") }}: {{ words.t("commission.focus_reset") }}</button>
      </div>
    </div>`,
};
