// A picture to look at closely, with boxes: the model's dashed, a person's solid. Zoom, pan, pinch, swipe; draw, move, resize, by hand or by key.
import { labels } from "/assets/labels.js";

const HANDLES = [["n", 0.5, 0], ["s", 0.5, 1], ["w", 0, 0.5], ["e", 1, 0.5], ["nw", 0, 0], ["ne", 1, 0], ["sw", 0, 1], ["se", 1, 1]]; // corners last: on top
const MAX_PX = 24; // on the screen for one of the picture
const SLOP_PX = 5;
const SWIPE_PX = 80;
const MIN_PX = 2; // of the picture: no box is smaller
const coarse = matchMedia("(pointer: coarse)");

export default {
  emits: ["change", "select", "swipe", "swiping", "adopt"],
  props: {
    src: String, sharp: String, reference: String, size: Array, // [width, height] of the recorded picture, px
    model: Array, boxes: Array, // {kind, box, score, verdict}; boxes null: nobody has said anything
    shadow: Array, selected: Number, editable: Boolean, overlay: Boolean, compare: Boolean, blink: Boolean, drawing: Boolean, kind: String,
    words: Object, label: String,
  },
  data: () => ({ pane: [1, 1], zoom: 1, at: null, draft: null, swipe: 0 }),
  computed: {
    fit() {
      return Math.min(this.pane[0] / this.size[0], this.pane[1] / this.size[1]) || 1;
    },
    scale() {
      return this.fit * this.zoom;
    },
    view() {
      const [width, height] = [this.pane[0] / this.scale, this.pane[1] / this.scale];
      const place = (centre, seen, whole) => (seen >= whole ? whole / 2 : Math.min(whole - seen / 2, Math.max(seen / 2, centre)));
      const [x, y] = this.at ?? [this.size[0] / 2, this.size[1] / 2];
      return { x: place(x, width, this.size[0]) - width / 2, y: place(y, height, this.size[1]) - height / 2, width, height };
    },
    viewBox() {
      const { x, y, width, height } = this.view;
      return `${x} ${y} ${width} ${height}`;
    },
    px() {
      return 1 / this.scale; // one px of the screen in px of the picture
    },
    drawn() {
      const all = this.boxes ?? this.model;
      return all.map((b, index) => {
        const box = this.draft?.index === index ? this.draft.box : b.box;
        return { ...b, index, box, own: this.boxes !== null, on: index === this.selected };
      });
    },
    shadows() {
      return this.overlay ? this.shadow : [];
    },
    named() {
      const text = (b) => `${this.words.kind(b.kind)}${b.score ? ` ${this.words.share.format(b.score)}` : ""}`;
      return labels(this.drawn.map((b) => ({ box: b.box, text: text(b), own: b.own, on: b.on && b.own, verdict: b.verdict })), this.view, this.px);
    },
    handles() {
      const b = this.editable && this.overlay ? this.drawn.find((d) => d.on && d.own) : null;
      if (!b) return [];
      const [x1, y1, x2, y2] = b.box;
      const small = Math.min(x2 - x1, y2 - y1) * this.scale < 64;
      return HANDLES.filter(([name]) => !small || name.length === 2).map(([name, fx, fy]) => {
        const out = small ? 6 * this.px : 0;
        return { name, x: x1 + (x2 - x1) * fx + (fx - 0.5) * 2 * out, y: y1 + (y2 - y1) * fy + (fy - 0.5) * 2 * out };
      });
    },
    reach() {
      return (coarse.matches ? 44 : 24) * this.px;
    },
    image() {
      return this.zoom > 1.5 && this.sharp ? this.sharp : this.src;
    },
  },
  watch: {
    src() {
      this.whole();
    },
    compare() {
      this.$nextTick(() => this.measure());
    },
  },
  methods: {
    measure() {
      const r = this.$refs.pane?.getBoundingClientRect();
      if (r?.width) this.pane = [r.width, r.height];
    },
    whole() {
      this.zoom = 1;
      this.at = null;
    },
    /** Zoom by a factor, the point under (px of the pane) staying where it is. */
    zoomBy(factor, under = [this.pane[0] / 2, this.pane[1] / 2]) {
      const before = this.point(under);
      this.zoom = Math.min(Math.max(1, this.zoom * factor), Math.max(1, MAX_PX / this.fit));
      const { width, height } = this.view;
      this.at = [before[0] + width * (0.5 - under[0] / this.pane[0]), before[1] + height * (0.5 - under[1] / this.pane[1])];
      this.settle();
    },
    /** Look at a box from near. */
    near(box) {
      const [x1, y1, x2, y2] = box;
      this.at = [(x1 + x2) / 2, (y1 + y2) / 2];
      this.zoom = Math.min(Math.max(1, Math.min(this.size[0] / (x2 - x1), this.size[1] / (y2 - y1)) / 4), 8, Math.max(1, MAX_PX / this.fit));
      this.settle();
    },
    settle() {
      const { x, y, width, height } = this.view;
      this.at = this.zoom === 1 ? null : [x + width / 2, y + height / 2];
    },
    point([px, py]) {
      return [this.view.x + (px / this.pane[0]) * this.view.width, this.view.y + (py / this.pane[1]) * this.view.height];
    },
    where(event) {
      const r = event.currentTarget.getBoundingClientRect();
      return [event.clientX - r.left, event.clientY - r.top];
    },
    clamp([x1, y1, x2, y2]) {
      const [w, h] = this.size;
      return [Math.max(0, x1), Math.max(0, y1), Math.min(w, x2), Math.min(h, y2)];
    },
    moved(box, dx, dy) {
      const [w, h] = this.size;
      dx = Math.max(-box[0], Math.min(w - box[2], dx));
      dy = Math.max(-box[1], Math.min(h - box[3], dy));
      return [box[0] + dx, box[1] + dy, box[2] + dx, box[3] + dy];
    },
    resized(box, handle, dx, dy) {
      let [x1, y1, x2, y2] = box;
      if (handle.includes("w")) x1 = Math.min(x1 + dx, x2 - MIN_PX);
      if (handle.includes("e")) x2 = Math.max(x2 + dx, x1 + MIN_PX);
      if (handle.includes("n")) y1 = Math.min(y1 + dy, y2 - MIN_PX);
      if (handle.includes("s")) y2 = Math.max(y2 + dy, y1 + MIN_PX);
      return this.clamp([x1, y1, x2, y2]);
    },
    down(event) {
      if (event.button > 1) return;
      event.currentTarget.setPointerCapture(event.pointerId);
      const at = this.where(event);
      this.pointers.set(event.pointerId, at);
      if (this.pointers.size === 2) {
        this.draft = null;
        this.swiped(0);
        this.drag = { what: "pinch", ...this.spread() };
        return;
      }
      if (this.pointers.size > 2) return;
      const handle = event.target.dataset.handle;
      const index = event.target.closest("[data-box]")?.dataset.box;
      const start = { at, from: this.point(at), centre: [this.view.x + this.view.width / 2, this.view.y + this.view.height / 2] };
      if (event.button === 1) this.drag = { what: "pan", tap: -1, ...start };
      else if (handle) this.drag = { what: "resize", handle, index: this.selected, box: this.drawn[this.selected].box, ...start };
      else if (this.drawing && this.editable) this.drag = { what: "draw", ...start };
      else if (index !== undefined && this.editable && (event.pointerType === "mouse" || Number(index) === this.selected))
        this.drag = { what: "move", tap: Number(index), box: this.drawn[index].box, ...start };
      else this.drag = { what: this.zoom > 1 ? "pan" : "swipe", tap: index === undefined ? -1 : Number(index), ...start };
    },
    spread() {
      const [a, b] = [...this.pointers.values()];
      return { middle: [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2], apart: Math.hypot(a[0] - b[0], a[1] - b[1]) || 1 };
    },
    move(event) {
      if (!this.pointers.has(event.pointerId) || !this.drag) return;
      const at = this.where(event);
      this.pointers.set(event.pointerId, at);
      const drag = this.drag;
      if (drag.what === "pinch") {
        if (this.pointers.size < 2) return;
        const now = this.spread();
        this.zoomBy(now.apart / drag.apart, now.middle);
        if (this.zoom > 1) {
          this.at = [this.at[0] - (now.middle[0] - drag.middle[0]) * this.px, this.at[1] - (now.middle[1] - drag.middle[1]) * this.px];
          this.settle();
        }
        Object.assign(drag, now);
        return;
      }
      const [sx, sy] = [at[0] - drag.at[0], at[1] - drag.at[1]];
      drag.far ||= Math.hypot(sx, sy) > SLOP_PX;
      if (!drag.far) return;
      const [dx, dy] = [sx * this.px, sy * this.px];
      if (drag.what === "pan") {
        this.at = [drag.centre[0] - dx, drag.centre[1] - dy];
        this.settle();
      } else if (drag.what === "swipe") this.swiped(Math.abs(sx) > Math.abs(sy) ? sx : 0);
      else if (drag.what === "draw") {
        const to = [drag.from[0] + dx, drag.from[1] + dy];
        const box = [Math.min(drag.from[0], to[0]), Math.min(drag.from[1], to[1]), Math.max(drag.from[0], to[0]), Math.max(drag.from[1], to[1])];
        this.draft = { index: -1, box: this.clamp(box) };
      } else {
        const box = drag.what === "move" ? this.moved(drag.box, dx, dy) : this.resized(drag.box, drag.handle, dx, dy);
        this.draft = { index: drag.what === "move" ? drag.tap : drag.index, box };
      }
    },
    up(event) {
      if (!this.pointers.delete(event.pointerId)) return;
      const { drag, draft } = this;
      if (this.pointers.size) return;
      this.drag = this.draft = null;
      if (!drag || drag.what === "pinch") return;
      if (event.type === "pointercancel") return this.swiped(0);
      if (!drag.far && drag.what !== "draw" && drag.what !== "resize") {
        this.swiped(0);
        if (drag.tap >= 0) this.pick(drag.tap);
        else this.$emit("select", -1);
      } else if (drag.what === "swipe") {
        const far = this.swipe;
        this.swiped(0);
        if (Math.abs(far) > SWIPE_PX) this.$emit("swipe", far < 0 ? "left" : "right");
      } else if (drag.what === "draw") {
        if (draft && draft.box[2] - draft.box[0] >= MIN_PX && draft.box[3] - draft.box[1] >= MIN_PX) this.add(draft.box);
      } else if (draft) this.put(draft.index, draft.box);
    },
    swiped(dx) {
      this.swipe = dx;
      this.$emit("swiping", dx);
    },
    wheel(event) {
      this.zoomBy(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0018)), this.where(event));
    },
    pick(index) {
      if (this.boxes === null) this.$emit("adopt");
      this.$emit("select", index);
    },
    add(box) {
      const all = [...(this.boxes ?? this.model), { kind: this.kind, box: box.map((v) => Math.round(v * 10) / 10), score: 0, verdict: "" }];
      this.$emit("change", all);
      this.$emit("select", all.length - 1);
      this.$nextTick(() => this.focus(all.length - 1));
    },
    /** A box in the middle of what is seen, for those who have no pointer. */
    addMiddle() {
      const { x, y, width, height } = this.view;
      const side = Math.min(width, height) / 6;
      const [cx, cy] = [x + width / 2, y + height / 2];
      this.add(this.clamp([cx - side / 2, cy - side / 2, cx + side / 2, cy + side / 2]));
    },
    put(index, box) {
      const all = [...(this.boxes ?? this.model)];
      all[index] = { ...all[index], box: box.map((v) => Math.round(v * 10) / 10), score: 0, verdict: "" };
      this.$emit("change", all);
      this.$emit("select", index);
    },
    remove(index) {
      this.$emit("change", (this.boxes ?? this.model).filter((_, i) => i !== index));
      this.$emit("select", -1);
    },
    focus(index) {
      this.$refs.pane?.querySelector(`[data-box="${index}"]`)?.focus({ preventScroll: true });
    },
    boxKey(event, index) {
      const step = event.shiftKey ? 10 : 1;
      const way = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] }[event.key];
      const box = this.drawn[index].box;
      if (event.key === "Enter" || event.key === " ") this.pick(index);
      else if (event.key === "Escape") {
        this.$emit("select", -1);
        event.currentTarget.blur();
      } else if (!this.editable) return;
      else if (event.key === "Delete" || event.key === "Backspace") this.remove(index);
      else if (way) this.put(index, event.altKey || event.ctrlKey ? this.resized(box, "se", ...way) : this.moved(box, ...way));
      else return;
      event.preventDefault();
      event.stopPropagation();
      if (way) this.$nextTick(() => this.focus(index));
    },
    boxLabel(b) {
      const [x1, y1, x2, y2] = b.box.map(Math.round);
      return this.words.t(b.own ? "review.box_own" : "review.box_model", { n: b.index + 1, of: this.drawn.length, kind: this.words.kind(b.kind), size: `${x2 - x1} × ${y2 - y1}` });
    },
  },
  created() {
    this.pointers = new Map();
    this.drag = null;
  },
  mounted() {
    this.observer = new ResizeObserver(() => this.measure());
    this.observer.observe(this.$refs.pane);
    this.measure();
  },
  unmounted() {
    this.observer.disconnect();
  },
  template: `
    <div class="gt-bx" :class="{ 'is-double': compare, 'is-drawing': drawing && editable, 'is-zoomed': zoom > 1 }">
      <figure class="gt-bx-pane" :style="swipe ? { transform: 'translateX(' + swipe * 0.4 + 'px) rotate(' + swipe * 0.006 + 'deg)' } : null">
        <svg ref="pane" :viewBox="viewBox" role="group" :aria-label="label" preserveAspectRatio="xMidYMid meet"
          @pointerdown="down" @pointermove="move" @pointerup="up" @pointercancel="up" @wheel.prevent="wheel" @contextmenu.prevent @dragstart.prevent>
          <image :href="image" :width="size[0]" :height="size[1]" preserveAspectRatio="none" :class="{ 'is-near': scale > 3 }" />
          <image v-if="reference" v-show="blink" class="gt-bx-reference" :href="reference" :width="size[0]" :height="size[1]" preserveAspectRatio="none" />
          <template v-if="overlay && !blink">
            <rect v-for="(b, i) in shadows" :key="'s' + i" class="gt-bx-shadow" :x="b.box[0]" :y="b.box[1]" :width="b.box[2] - b.box[0]" :height="b.box[3] - b.box[1]" />
            <g v-for="b in drawn" :key="b.index" class="gt-bx-box" :class="[b.own ? 'is-own' : 'is-model', b.verdict ? 'is-' + b.verdict : '', { 'is-on': b.on }]"
              :data-box="b.index" tabindex="0" role="button" :aria-pressed="b.on" :aria-label="boxLabel(b)" @keydown="boxKey($event, b.index)" @focus="$emit('select', b.index)">
              <rect class="gt-bx-hit" :x="b.box[0] - 6 * px" :y="b.box[1] - 6 * px" :width="b.box[2] - b.box[0] + 12 * px" :height="b.box[3] - b.box[1] + 12 * px" />
              <rect class="gt-bx-halo" :x="b.box[0]" :y="b.box[1]" :width="b.box[2] - b.box[0]" :height="b.box[3] - b.box[1]" />
              <rect class="gt-bx-line" :x="b.box[0]" :y="b.box[1]" :width="b.box[2] - b.box[0]" :height="b.box[3] - b.box[1]" />
            </g>
            <rect v-if="draft && draft.index < 0" class="gt-bx-draft" :x="draft.box[0]" :y="draft.box[1]" :width="draft.box[2] - draft.box[0]" :height="draft.box[3] - draft.box[1]" />
            <g v-for="(l, i) in named" :key="'l' + i" class="gt-bx-label" :class="[l.own ? 'is-own' : 'is-model', l.verdict ? 'is-' + l.verdict : '']">
              <rect :x="l.x" :y="l.y" :width="l.w" :height="l.h" :rx="l.h * 0.18" /><text :x="l.x + l.font * 0.4" :y="l.y + l.h * 0.72" :font-size="l.font">{{ l.text }}</text>
            </g>
            <g v-for="h in handles" :key="h.name">
              <rect class="gt-bx-knob" :x="h.x - 7 * px" :y="h.y - 7 * px" :width="14 * px" :height="14 * px" />
              <rect class="gt-bx-hit" :data-handle="h.name" :style="{ cursor: h.name + '-resize' }" :x="h.x - reach / 2" :y="h.y - reach / 2" :width="reach" :height="reach" />
            </g>
          </template>
        </svg>
        <figcaption v-if="blink || compare">{{ words.t(blink ? "review.reference" : "review.this_part") }}</figcaption>
      </figure>
      <figure v-if="compare" class="gt-bx-pane">
        <svg :viewBox="viewBox" role="img" :aria-label="words.t('review.reference')" preserveAspectRatio="xMidYMid meet"
          @pointerdown="down" @pointermove="move" @pointerup="up" @pointercancel="up" @wheel.prevent="wheel" @contextmenu.prevent>
          <image :href="reference" :width="size[0]" :height="size[1]" preserveAspectRatio="none" :class="{ 'is-near': scale > 3 }" />
          <template v-if="overlay"><rect v-for="b in drawn" :key="b.index" class="gt-bx-echo" :x="b.box[0]" :y="b.box[1]" :width="b.box[2] - b.box[0]" :height="b.box[3] - b.box[1]" /></template>
        </svg>
        <figcaption>{{ words.t("review.reference") }}</figcaption>
      </figure>
    </div>`,
};
