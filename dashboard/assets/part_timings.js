// Where the time of a part went: stage by stage from trigger to verdict, and from there to the ejector.
const STAGES = ["capture", "prepare", "infer", "decode", "decide"];

export default {
  props: { part: Object, words: Object },
  computed: {
    stages() {
      const { part } = this;
      const known = STAGES.map((name) => ({ name, us: part[`${name}_us`] ?? 0 }));
      const rest = (part.total_us ?? 0) - known.reduce((sum, s) => sum + s.us, 0);
      return [...known, { name: "send", us: Math.max(0, rest) }].filter((s) => s.us > 0);
    },
    total() {
      return this.part.total_us ?? 0;
    },
    ejectedMs() {
      const { ejected_at: at, triggered_at: begin } = this.part;
      const ms = at ? Date.parse(at) - Date.parse(begin) : 0;
      return ms > this.total / 1000 ? ms : 0;
    },
  },
  methods: {
    ms(us) {
      return this.words.fine.format(us / 1000);
    },
  },
  template: `
    <section class="gt-card gt-onepart-times"><h2>{{ words.t("onepart.timings") }}</h2>
      <p v-if="!total">{{ words.t("onepart.no_timings") }}</p>
      <template v-else>
        <p class="gt-times-sum">{{ words.t("viewer.took") }} <b>{{ ms(total) }} ms</b><template v-if="ejectedMs"> · {{ words.t("onepart.to_ejector") }} <b>{{ words.whole.format(ejectedMs) }} ms</b></template></p>
        <div class="gt-times-bar" aria-hidden="true"><span v-for="(s, i) in stages" :key="s.name" :class="'is-stage-' + i" :style="{ flexGrow: s.us }"></span></div>
        <div v-if="ejectedMs" class="gt-times-bar is-thin" aria-hidden="true"><span class="is-stage-0" :style="{ flexGrow: total / 1000 }"></span><span class="is-rest" :style="{ flexGrow: ejectedMs - total / 1000 }"></span></div>
        <ol class="gt-times-list"><li v-for="(s, i) in stages" :key="s.name"><i :class="'is-stage-' + i" aria-hidden="true"></i>{{ words.t("onepart.stage." + s.name) }} <b>{{ ms(s.us) }} ms</b></li></ol>
      </template>
    </section>`,
};
