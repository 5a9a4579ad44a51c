// The remark, or, for a missed defect, how it came to light: then it is needed, and three usual answers are at hand.
export default {
  emits: ["update:modelValue"],
  props: { modelValue: String, report: Boolean, missing: Boolean, words: Object },
  computed: {
    usual() {
      return this.report ? ["review.found_customer", "review.found_next", "review.found_check"].map((key) => this.words.t(key)) : [];
    },
  },
  methods: {
    focus() {
      this.$refs.field.focus();
    },
  },
  template: `
    <div class="gt-rp-noted">
      <label class="gt-rp-note"><span>{{ words.t(report ? "review.reason" : "review.note") }}</span>
        <input ref="field" :value="modelValue" maxlength="200" :required="report" :aria-invalid="missing" :placeholder="words.t(report ? 'review.reason_hint' : 'review.note_hint')" @input="$emit('update:modelValue', $event.target.value)" /></label>
      <div v-if="report" class="gt-rp-chips"><button v-for="u in usual" :key="u" type="button" class="gt-rp-chip" :aria-pressed="modelValue === u" @click="$emit('update:modelValue', u)">{{ u }}</button></div>
    </div>`,
};
