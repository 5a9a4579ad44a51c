// What people and other models said of a part, who holds it, what is missing around it, and the audit rows that name it.
export default {
  props: { doc: Object, at: String, may: Object, words: Object },
  emits: ["changed"],
  data: () => ({ order: null, reason: "", busy: false, failed: "" }),
  computed: {
    mayHold() {
      return this.may.review;
    },
  },
  methods: {
    time(iso) {
      return this.words.full.format(Date.parse(iso));
    },
    ask(kind, number = null) {
      Object.assign(this, { order: { kind, number }, reason: "", failed: "" });
      this.$nextTick(() => this.$refs.reason.focus());
    },
    async send() {
      this.busy = true;
      this.failed = "";
      try {
        const answer = await fetch(`${this.at}/${this.order.kind}`, {
          method: "POST",
          headers: { "Content-Type": "application/json", "X-Gutteil": "1" },
          body: JSON.stringify({ reason: this.reason.trim(), number: this.order.number }),
        });
        const said = await answer.json();
        if (answer.ok) {
          this.order = null;
          this.$emit("changed");
        } else this.failed = said.text;
      } catch (error) {
        this.failed = String(error);
      } finally {
        this.busy = false;
      }
    },
  },
  template: `
    <section class="gt-card"><h2>{{ words.t("onepart.reviews") }}</h2>
      <p v-if="!doc.reviews.length" class="gt-hint">{{ words.t("onepart.no_reviews") }}</p>
      <ul class="gt-notes"><li v-for="r in [...doc.reviews].reverse()" :key="r.number" :class="{ 'is-past': r.number !== doc.counts }">
        <span :class="['gt-badge', 'is-' + r.truth]">{{ words.t("history.truth." + r.truth) }}</span> <b>{{ r.who }}</b> <small>{{ time(r.reviewed_at) }}</small>
        <span v-if="r.number === doc.counts"> · {{ words.t("onepart.counts") }}</span>
        <p v-if="r.boxes && r.boxes.length">{{ r.boxes.map((b) => words.kind(b.kind)).join(", ") }}</p><p v-if="r.note">{{ r.note }}</p></li></ul>
      <template v-if="doc.shadow.length"><h2>{{ words.t("onepart.shadow") }}</h2>
        <ul class="gt-notes"><li v-for="s in doc.shadow" :key="s.sha256"><b>{{ words.t("history.verdict." + s.verdict) }}</b> {{ words.share.format(s.score) }} · {{ s.name }} <small class="gt-id">{{ s.sha256.slice(0, 12) }}</small></li></ul></template>
    </section>
    <section class="gt-card"><h2>{{ words.t("onepart.holds") }}</h2>
      <p v-if="!doc.holds.length" class="gt-hint">{{ words.t("onepart.no_holds") }}</p>
      <ul class="gt-notes"><li v-for="h in doc.holds" :key="h.number" :class="{ 'is-past': h.released_at }"><b>{{ h.reason }}</b> · {{ h.who }} <small>{{ time(h.held_at) }}</small>
        <p v-if="h.released_at">{{ words.t("onepart.released", { who: h.released_by, why: h.release_reason }) }} <small>{{ time(h.released_at) }}</small></p>
        <button v-else-if="may.release" type="button" class="gt-button" @click="ask('release', h.number)">{{ words.t("onepart.release") }}</button></li></ul>
      <button v-if="mayHold && !order" type="button" class="gt-button" @click="ask('hold')">{{ words.t("onepart.hold") }}</button>
      <form v-if="order" class="gt-hold-form" @submit.prevent="send"><label>{{ words.t("onepart.reason") }}<input ref="reason" v-model="reason" required maxlength="200" autocomplete="off" /></label>
        <p v-if="failed" role="alert" class="gt-history-failed">{{ failed }}</p>
        <div class="gt-row"><button class="gt-button is-primary" :disabled="busy || !reason.trim()">{{ words.t("onepart." + order.kind) }}</button><button type="button" class="gt-button is-quiet" @click="order = null">{{ words.t("frame.cancel") }}</button></div></form>
    </section>
    <section class="gt-card"><h2>{{ words.t("onepart.audit") }}</h2>
      <p v-if="!doc.audit.length" class="gt-hint">{{ words.t("onepart.no_audit") }}</p>
      <ul class="gt-notes"><li v-for="a in doc.audit" :key="a.number"><b>{{ a.op }}</b> · {{ a.who }} <small>{{ time(a.at) }}</small><p>{{ a.text }}</p></li></ul>
      <h2>{{ words.t("onepart.gaps") }}</h2>
      <p v-if="!doc.gaps.length" class="gt-hint">{{ words.t("onepart.no_gaps") }}</p>
      <ul class="gt-notes"><li v-for="(g, i) in doc.gaps" :key="i">{{ words.t("onepart.gap", { count: g.last - g.first + 1, topic: g.topic, sender: g.sender, first: g.first, last: g.last }) }}</li></ul>
    </section>`,
};
