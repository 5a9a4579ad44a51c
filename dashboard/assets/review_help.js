// The keys of the review page.
const KEYS = [
  ["B", "review.bad"], ["G", "review.good"], ["U", "review.unsure"], ["Z", "review.undo"], ["← →", "review.help_step"], ["1 … 9", "review.class"],
  ["O", "review.overlay"], ["C", "review.compare"], ["⎵ R", "review.blink_hint"], ["+ − 0", "review.help_zoom"], ["M", "review.missed"], ["Enter", "review.help_open"], ["Esc", "review.help_back"],
];
const LABEL = [["K", "review.confirm_boxes"], ["D", "review.draw"], ["N", "review.help_new"], ["Tab", "review.help_box"], ["← ↑ → ↓", "review.help_move"], ["Alt ← ↑ → ↓", "review.help_resize"], ["Del", "review.help_drop"]];

export default {
  props: { words: Object, label: Boolean },
  computed: {
    lists() {
      return [["review.help_judge", KEYS], ...(this.label ? [["review.help_boxes", LABEL]] : [])];
    },
  },
  methods: {
    open() {
      this.$refs.dialog.showModal();
    },
  },
  template: `
    <dialog ref="dialog" class="gt-rh" :aria-label="words.t('review.help')" @click.self="$refs.dialog.close()">
      <div class="gt-rh-body">
        <h2>{{ words.t("review.help") }}</h2>
        <div class="gt-rh-lists"><section v-for="[title, keys] in lists" :key="title"><h3>{{ words.t(title) }}</h3><dl><div v-for="[key, name] in keys" :key="name"><dt><kbd>{{ key }}</kbd></dt><dd>{{ words.t(name) }}</dd></div></dl></section></div>
        <p>{{ words.t("review.help_touch") }}</p>
        <button type="button" class="gt-rv-primary" autofocus @click="$refs.dialog.close()">{{ words.t("review.close_note") }}</button>
      </div>
    </dialog>`,
};
