// The judged region and the ignored zones, drawn on a part's picture: by pointer, by touch, and with the keyboard alone.
const REACH = 24; // px on screen around a corner that take hold of it
const LEAST = 4; // px of the picture
const CORNERS = [["nw", 0, 1], ["ne", 2, 1], ["sw", 0, 3], ["se", 2, 3]];

export default {
  props: { src: String, width: Number, height: Number, roi: Array, zones: Array, marks: Array, words: Object },
  emits: ["change"],
  data() {
    return { region: this.roi, ignored: this.zones.map((z) => [...z]), held: null, scale: 1, shown: true };
  },
  computed: {
    boxes() {
      const all = this.ignored.map((box, i) => ({ key: `zone${i}`, kind: "zone", index: i, box, name: this.words.zone.replace("{n}", i + 1) }));
      return this.region ? [{ key: "roi", kind: "roi", index: -1, box: this.region, name: this.words.region }, ...all] : all;
    },
    outside() {
      const [x1, y1, x2, y2] = this.region ?? [0, 0, this.width, this.height];
      return `M0 0H${this.width}V${this.height}H0Z M${x1} ${y1}V${y2}H${x2}V${y1}Z`;
    },
  },
  mounted() {
    this.observer = new ResizeObserver(() => this.measure());
    this.observer.observe(this.$refs.svg);
    this.measure();
  },
  unmounted() {
    this.observer.disconnect();
  },
  methods: {
    measure() {
      this.scale = this.width / Math.max(1, this.$refs.svg.clientWidth);
    },
    where(event) {
      const r = this.$refs.svg.getBoundingClientRect();
      const x = ((event.clientX - r.left) / r.width) * this.width;
      const y = ((event.clientY - r.top) / r.height) * this.height;
      return [Math.min(this.width, Math.max(0, x)), Math.min(this.height, Math.max(0, y))];
    },
    put(item, box) {
      if (item.kind === "roi") this.region = box;
      else this.ignored[item.index] = box;
    },
    say() {
      this.$emit("change", { roi: this.region, zones: this.ignored });
    },
    moved(box, dx, dy) {
      const [x1, y1, x2, y2] = box;
      const x = Math.round(Math.min(this.width - x2, Math.max(-x1, dx)));
      const y = Math.round(Math.min(this.height - y2, Math.max(-y1, dy)));
      return [x1 + x, y1 + y, x2 + x, y2 + y];
    },
    ordered(box) {
      const [a, b, c, d] = box.map(Math.round);
      return [Math.min(a, c), Math.min(b, d), Math.max(a, c, Math.min(a, c) + LEAST), Math.max(b, d, Math.min(b, d) + LEAST)];
    },
    hold(event, item, corner) {
      event.preventDefault();
      event.stopPropagation();
      this.$refs.svg.setPointerCapture(event.pointerId);
      const at = this.where(event);
      if (!item) {
        // a drag on the bare picture draws a new zone
        this.held = { fresh: true, at, start: [...at, ...at] };
        return;
      }
      this.held = { item, corner, at, start: [...item.box] };
    },
    drag(event) {
      const held = this.held;
      if (!held) return;
      const [x, y] = this.where(event);
      if (held.fresh) {
        if (Math.hypot(x - held.at[0], y - held.at[1]) < 6 * this.scale) return;
        held.item = { kind: "zone", index: this.ignored.length };
        held.corner = CORNERS[3];
        held.fresh = false;
      }
      if (!held.corner) {
        this.put(held.item, this.moved(held.start, x - held.at[0], y - held.at[1]));
        return;
      }
      const box = [...held.start];
      box[held.corner[1]] = x;
      box[held.corner[2]] = y;
      this.put(held.item, this.ordered(box));
    },
    drop() {
      const held = this.held;
      this.held = null;
      if (held && !held.fresh) this.say();
    },
    async focus(key) {
      await this.$nextTick();
      this.$el.querySelector(`[data-box=${key}]`)?.focus();
    },
    middle(share) {
      const w = Math.round(this.width * share), h = Math.round(this.height * share);
      const x = Math.round((this.width - w) / 2), y = Math.round((this.height - h) / 2);
      return [x, y, x + w, y + h];
    },
    add() {
      this.ignored.push(this.middle(0.2));
      this.say();
      this.focus(`zone${this.ignored.length - 1}`);
    },
    toggle() {
      this.region = this.region ? null : this.middle(0.8);
      this.say();
      if (this.region) this.focus("roi");
    },
    remove(item) {
      if (item.kind === "roi") this.region = null;
      else this.ignored.splice(item.index, 1);
      this.say();
    },
    key(event, item) {
      const step = event.ctrlKey ? 1 : 4;
      const way = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] }[event.key];
      if (event.key === "Delete" || event.key === "Backspace") this.remove(item);
      else if (way && event.shiftKey) {
        const [x1, y1, x2, y2] = item.box;
        this.put(item, [x1, y1, Math.min(this.width, Math.max(x1 + LEAST, x2 + way[0])), Math.min(this.height, Math.max(y1 + LEAST, y2 + way[1]))]);
        this.say();
      } else if (way) {
        this.put(item, this.moved(item.box, ...way));
        this.say();
      } else return;
      event.preventDefault();
    },
  },
  template: `
    <div class="gt-reg">
      <div class="gt-row gt-reg-tools">
        <button type="button" class="gt-button gt-reg-add" @click="add">{{ words.add }}</button>
        <button type="button" class="gt-button gt-reg-roi" :aria-pressed="region ? 'true' : 'false'" @click="toggle">{{ region ? words.all : words.only }}</button>
        <span class="gt-hint">{{ words.keys }}</span>
      </div>
      <div class="gt-reg-shot" :style="{ aspectRatio: width + ' / ' + height }">
        <img v-if="src && shown" :src="src" :alt="words.picture" draggable="false" @error="shown = false" />
        <p v-else class="gt-reg-none">{{ words.none }}</p>
        <svg ref="svg" role="group" :aria-label="words.picture" :viewBox="'0 0 ' + width + ' ' + height"
             @pointerdown="hold($event)" @pointermove="drag" @pointerup="drop" @pointercancel="drop">
          <path class="gt-reg-out" :d="outside" fill-rule="evenodd" />
          <rect v-for="(m, i) in marks" :key="'m' + i" class="gt-reg-mark" :x="m[0]" :y="m[1]" :width="m[2] - m[0]" :height="m[3] - m[1]" />
          <g v-for="b in boxes" :key="b.key" :class="['gt-reg-box', 'is-' + b.kind]" tabindex="0" role="button" :data-box="b.key"
             :aria-label="b.name + ': ' + b.box.join(', ') + ' px'" @keydown="key($event, b)">
            <rect class="gt-reg-body" :x="b.box[0]" :y="b.box[1]" :width="b.box[2] - b.box[0]" :height="b.box[3] - b.box[1]"
                  @pointerdown="b.kind === 'zone' ? hold($event, b) : undefined" />
            <text :x="b.box[0] + 6 * scale" :y="b.box[1] + 20 * scale" :font-size="16 * scale">{{ b.name }}</text>
            <template v-for="c in corners" :key="c[0]">
              <circle class="gt-reg-dot" :cx="b.box[c[1]]" :cy="b.box[c[2]]" :r="7 * scale" />
              <circle class="gt-reg-grip" :class="'is-' + c[0]" :cx="b.box[c[1]]" :cy="b.box[c[2]]" :r="reach * scale" @pointerdown="hold($event, b, c)" />
            </template>
          </g>
        </svg>
      </div>
      <ul class="gt-reg-list">
        <li v-for="b in boxes" :key="b.key"><b>{{ b.name }}</b> <span>{{ b.box.join(", ") }} px</span>
          <button type="button" class="gt-button is-quiet" :aria-label="words.remove + ': ' + b.name" @click="remove(b)">{{ words.remove }}</button></li>
      </ul>
    </div>
  `,
  created() {
    this.corners = CORNERS;
    this.reach = REACH;
  },
};
