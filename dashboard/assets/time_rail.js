// The scroll bar of the history: the whole span from top (newest) to bottom, how many parts lie where, and a thumb that goes anywhere.
const MINUTE = 60_000;
const STEPS = [1 / 12, 1 / 4, 1, 5, 15, 30, 60, 180, 360, 720, 1440, 2880, 10080, 20160, 43200, 129600, 525600].map((m) => m * MINUTE);
const LABEL_PX = 54;
const JUMP_MS = 250;

export default {
  props: { rail: Object, seen: Array, words: Object },
  emits: ["jump"],
  data: () => ({ height: 400, dragged: null }),
  computed: {
    span() {
      return Math.max(1, this.rail.until_ms - this.rail.since_ms);
    },
    bars() {
      const slots = this.rail.slots ?? [];
      const most = Math.max(1, ...slots.map((s) => s.parts));
      return slots
        .filter((s) => s.parts)
        .map((s) => {
          const y = this.y(Math.min(s.until_ms, this.rail.until_ms));
          return { y, h: Math.max(2, this.y(Math.max(s.since_ms, this.rail.since_ms)) - y - 1), w: 8 + 52 * Math.sqrt(s.parts / most) };
        });
    },
    ticks() {
      const least = (this.span / Math.max(1, this.height)) * LABEL_PX;
      const step = STEPS.find((s) => s >= least) ?? STEPS.at(-1);
      const offset = new Date(this.rail.until_ms).getTimezoneOffset() * MINUTE;
      const ticks = [];
      for (let at = Math.floor((this.rail.until_ms - offset) / step) * step + offset; at > this.rail.since_ms && ticks.length < 60; at -= step) {
        const y = this.y(at);
        if (y > 10 && y < this.height - 10) ticks.push({ at, y, text: this.label(step).format(at) });
      }
      return ticks;
    },
    thumb() {
      if (!this.seen) return null;
      const y = this.y(this.seen[0]);
      return { y: Math.min(y, this.height - 8), h: Math.max(8, this.y(this.seen[1]) - y) };
    },
    now() {
      return this.dragged ?? this.seen?.[0] ?? this.rail.until_ms;
    },
  },
  methods: {
    label(step) {
      if (step >= 1440 * MINUTE) return this.words.dayShort;
      return this.span > 1440 * MINUTE ? this.words.dayClock : this.words.clock;
    },
    y(ms) {
      return ((this.rail.until_ms - ms) / this.span) * this.height;
    },
    at(event) {
      const box = this.$refs.rail.getBoundingClientRect();
      const share = Math.max(0, Math.min(1, (event.clientY - box.top) / box.height));
      return Math.round(this.rail.until_ms - share * this.span);
    },
    down(event) {
      this.$refs.rail.setPointerCapture(event.pointerId);
      this.$refs.rail.focus();
      this.dragged = this.at(event);
      this.jump(false);
    },
    move(event) {
      if (this.dragged === null) return;
      this.dragged = this.at(event);
      this.jump(true);
    },
    up() {
      if (this.dragged === null) return;
      this.jump(false);
      this.dragged = null;
    },
    /** Not more than a few times a second while dragging, and once for good at its end. */
    jump(later) {
      clearTimeout(this.timer);
      const to = this.dragged;
      const go = () => {
        this.jumped = to;
        this.$emit("jump", to >= this.rail.until_ms ? 0 : to);
      };
      if (later) this.timer = setTimeout(go, JUMP_MS);
      else if (this.jumped !== to) go();
    },
    key(event) {
      const steps = { ArrowUp: 0.01, ArrowDown: -0.01, PageUp: 0.1, PageDown: -0.1 };
      let to = null;
      if (event.key in steps) to = this.now + steps[event.key] * this.span;
      else if (event.key === "Home") to = this.rail.until_ms;
      else if (event.key === "End") to = this.rail.since_ms + 1;
      if (to === null) return;
      event.preventDefault();
      to = Math.round(Math.max(this.rail.since_ms + 1, Math.min(this.rail.until_ms, to)));
      this.$emit("jump", to >= this.rail.until_ms ? 0 : to);
    },
  },
  mounted() {
    this.observer = new ResizeObserver(() => (this.height = this.$refs.rail?.clientHeight ?? 400));
    this.observer.observe(this.$refs.rail);
  },
  unmounted() {
    this.observer.disconnect();
    clearTimeout(this.timer);
  },
  template: `
    <div class="gt-rail-time" ref="rail" role="slider" tabindex="0" aria-orientation="vertical" :aria-label="words.t('history.rail')" :aria-valuemin="rail.since_ms" :aria-valuemax="rail.until_ms"
         :aria-valuenow="now" :aria-valuetext="words.full.format(now)" @pointerdown="down" @pointermove="move" @pointerup="up" @pointercancel="up" @keydown="key">
      <svg aria-hidden="true" width="100%" :height="height">
        <rect v-for="(b, i) in bars" :key="i" class="gt-rail-bar" x="0" :y="b.y" :width="b.w" :height="b.h" />
        <g v-for="t in ticks" :key="t.at"><line class="gt-rail-tick" x1="0" x2="8" :y1="t.y" :y2="t.y" /><text class="gt-rail-text" x="12" :y="t.y + 4">{{ t.text }}</text></g>
        <rect v-if="thumb" class="gt-rail-thumb" x="1.5" :y="thumb.y" width="97%" :height="thumb.h" rx="4" />
      </svg>
      <output v-if="dragged !== null" class="gt-rail-bubble" :style="{ top: y(dragged) + 'px' }">{{ words.full.format(dragged) }}</output>
    </div>`,
};
