// "This one passed and was bad": find the part by its code, or among the last that passed.
import Mark from "/assets/mark.js";
import Card from "/assets/review_card.js";

export default {
  components: { Card, Mark },
  emits: ["open", "seen"],
  props: { api: Object, words: Object, seen: Object, code: String },
  data: () => ({ text: "", items: null, following: "", searched: "", wrong: "", busy: false }),
  watch: {
    code: {
      immediate: true,
      handler(code) {
        if (!code) return;
        this.text = code;
        this.find();
      },
    },
  },
  methods: {
    async load(before = "") {
      this.busy = true;
      try {
        const found = await this.api.ask("/api/review/passed", { before, limit: 24 });
        this.items = before ? [...this.items, ...found.items] : found.items;
        this.following = found.following;
        this.wrong = "";
        if (!before) this.searched = "";
      } catch (error) {
        this.wrong = error.said?.text ?? this.words.t("review.no_answer");
      }
      this.busy = false;
    },
    async find() {
      const text = this.text.trim();
      if (!text) return this.load();
      this.busy = true;
      try {
        const found = await this.api.ask("/api/review/find", { text });
        this.wrong = "";
        if (found.items.length === 1) this.$emit("open", found.items[0].part_id);
        else if (found.items.length) Object.assign(this, { items: found.items, following: "", searched: text });
        else this.wrong = this.words.t("review.not_found", { text });
      } catch (error) {
        this.wrong = error.said?.text ?? this.words.t("review.no_answer");
      }
      this.busy = false;
      this.$refs.code?.select();
    },
  },
  mounted() {
    if (!this.code) this.load();
    this.$refs.code.focus();
  },
  template: `
    <section class="gt-rm" :aria-label="words.t('review.missed')">
      <form class="gt-rm-form" @submit.prevent="find">
        <label><span>{{ words.t("review.scan") }}</span>
          <span class="gt-rm-field"><i class="q-icon material-icons" aria-hidden="true">qr_code_scanner</i><input ref="code" v-model="text" maxlength="200" autocomplete="off" autocapitalize="off" spellcheck="false" :placeholder="words.t('review.scan_hint')" /></span></label>
        <button type="submit" class="gt-rv-primary" :disabled="busy">{{ words.t("review.find") }}</button>
      </form>
      <p v-if="wrong" class="gt-rm-wrong" role="alert"><Mark name="warning" />{{ wrong }}</p>
      <h2>{{ searched ? words.t("review.found", { text: searched }) : words.t("review.last_passed") }}</h2>
      <ul v-if="items?.length" class="gt-rv-grid"><Card v-for="i in items" :key="i.part_id" :item="i" :words="words" :seen="seen.has(i.part_id)" @open="$emit('open', i.part_id)" @seen="$emit('seen', i.part_id)" /></ul>
      <p v-else-if="items" class="gt-nothing">{{ words.t("review.none_passed") }}</p>
      <p v-if="following" class="gt-rv-more"><button type="button" class="gt-rv-plain" :disabled="busy" @click="load(following)">{{ words.t("review.older") }}</button></p>
    </section>`,
};
