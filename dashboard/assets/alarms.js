// Alarms that last, and who has seen them. A stop is acknowledged in the big panel; the others somebody has seen, by name.
import { tell } from "/assets/acknowledge.js";
import Mark from "/assets/mark.js";

const SEVERITY = { fault: "bad", warning: "warning", info: "info" };

export default {
  components: { Mark },
  props: { alarms: Array, words: Object, person: String, may: Boolean, login: String },
  data: () => ({ busy: "", refused: "", over: false }),
  methods: {
    severity: (name) => SEVERITY[name] ?? "bad",
    async see(alarm) {
      if (this.busy) return;
      this.busy = alarm.key;
      this.refused = "";
      try {
        const said = await tell("/api/line/seen", { alarm: alarm.key });
        this.over = said.status === 401;
        if (!said.accepted) this.refused = this.over ? this.words.t("frame.session_over") : said.text;
      } catch (error) {
        this.refused = String(error);
      } finally {
        this.busy = "";
      }
    },
  },
  template: `
    <section class="gt-alarms" role="region" tabindex="0" :aria-label="words.t('alarms.title')">
      <p v-if="refused" class="gt-alarm is-bad" role="alert">{{ words.t("ack.refused", { why: refused }) }}</p>
      <div v-for="a in alarms" :key="a.key" class="gt-alarm" :class="['is-' + severity(a.severity), { 'is-seen': a.seen }]" role="alert">
        <Mark :name="severity(a.severity)" />
        <b>{{ words.t("alarms.severity." + a.severity) }}</b>
        <span class="gt-what">{{ words.what(a.code, a.text) }}<small>{{ words.more(a.code, a.text) }}</small></span>
        <span class="gt-todo">→ {{ words.remedy(a.code, a.remedy) }}</span>
        <span class="gt-since">{{ words.t("part.ago", { age: words.age(a.age_ms) }) }}</span>
        <span v-if="a.seen" class="gt-seen"><Mark name="ok" /> {{ words.t("alarms.seen_by", { name: a.seen.who, time: words.minute.format(a.seen.wall_ms) }) }}</span>
        <template v-else-if="!a.stop">
          <button v-if="may && !over" type="button" class="gt-see" :disabled="busy === a.key" @click="see(a)">{{ words.t("alarms.see") }}</button>
          <a v-else-if="!person || over" class="gt-see" :href="login">{{ words.t("alarms.login") }}</a>
        </template>
      </div>
    </section>`,
};
