// The age of the last part, counted here between two snapshots.
export default {
  props: { ageMs: Number, heard: Number, lateMs: Number, running: Boolean, words: Object },
  data: () => ({ now: performance.now() }),
  computed: {
    ms() {
      return this.ageMs + Math.max(0, this.now - this.heard);
    },
    late() {
      return this.running && this.ms > this.lateMs;
    },
    text() {
      return this.words.t(this.late ? "part.late" : "part.ago", { age: this.words.age(this.ms) });
    },
  },
  mounted() {
    this.timer = setInterval(() => (this.now = performance.now()), 100);
  },
  unmounted() {
    clearInterval(this.timer);
  },
  template: `<span class="gt-age" :class="{ 'is-late': late }"><span class="gt-dot" aria-hidden="true">{{ late ? "▲" : "●" }}</span> {{ text }}</span>`,
};
