// The live page: one snapshot in, one screen out. Vue escapes every text; nothing here is ever set as HTML.
import Acknowledge from "/assets/acknowledge.js";
import Age from "/assets/age.js";
import { Feed } from "/assets/feed.js";
import Mark from "/assets/mark.js";
import Picture from "/assets/picture.js";
import Viewer from "/assets/viewer.js";
import { Words } from "/assets/words.js";

const SEVERITY = { fault: "bad", warning: "warning", info: "info" };

export default {
  components: { Acknowledge, Age, Mark, Picture, Viewer },
  props: { texts: Object, language: String },
  data() {
    return { snap: null, heard: 0, link: "connecting", beat: 0, clock: "", ready: false, words: Vue.markRaw(new Words(this.texts, this.language)) };
  },
  computed: {
    word() {
      return this.snap?.word ?? "WAITING";
    },
    judged() {
      return ["OK", "NG", "UNDECIDED"].includes(this.word);
    },
    means() {
      if (!this.snap) return this.words.t("offline.connecting");
      return this.judged ? this.words.t(`means.${this.word}`) : this.words.what(this.snap.reason.code, this.snap.reason.text);
    },
    detail() {
      const reason = this.snap?.reason;
      return !this.judged && reason ? this.words.more(reason.code, reason.text) : "";
    },
    remedy() {
      return this.snap && !this.judged ? this.words.remedy(this.snap.reason.code, this.snap.reason.remedy) : "";
    },
    reasons() {
      const all = this.judged ? (this.snap.part?.reasons ?? []).map((r) => this.words.reason(r)) : [];
      return all.length > 4 ? [...all.slice(0, 4), this.words.t("part.more", { count: all.length - 4 })] : all;
    },
    alarms() {
      // what the huge panel says is not said twice; nor is the rejector's echo of a station that does not judge
      const said = this.judged ? [] : [this.snap?.reason.code, "station-lost"];
      return (this.snap?.alarms ?? []).filter((a) => !said.includes(a.code));
    },
    numbers() {
      const c = this.snap?.counts;
      const n = (value) => (c ? this.words.whole.format(value) : "–");
      return [
        { key: "parts", name: "count.parts", value: n(c?.parts) },
        { key: "yield", name: "count.yield", value: this.snap?.ok_share == null ? "–" : this.words.shareFine.format(this.snap.ok_share) },
        { key: "rate", name: "count.rate", value: this.snap ? this.words[this.snap.per_minute < 10 ? "tenth" : "whole"].format(this.snap.per_minute) : "–" },
        { key: "ok", name: "word.OK", mark: "OK", value: n(c?.ok) },
        { key: "ng", name: "word.NG", mark: "NG", value: n(c?.ng) },
        { key: "undecided", name: "word.UNDECIDED", mark: "UNDECIDED", value: n(c?.undecided) },
        { key: "passed", name: "count.passed", mark: "passed", value: n(c?.passed) },
        { key: "ejected", name: "count.ejected", mark: "ejected", value: n(c?.ejected) },
        { key: "missed", name: "count.missed", mark: "missed", value: n(c?.missed), bad: this.snap?.alarms.some((a) => a.code === "ejection-missed") },
      ];
    },
  },
  methods: {
    severity: (name) => SEVERITY[name] ?? "bad",
    tick() {
      this.clock = this.words.clock.format(new Date());
    },
    caption(part) {
      return part.defects.length ? this.words.kind(part.defects[0].kind) : this.words.t(`word.${part.verdict}`);
    },
  },
  mounted() {
    this.ready = true; // the header, where a part of this goes, is drawn by now
    this.tick();
    this.timer = setInterval(() => this.tick(), 500);
    this.feed = new Feed(
      (snap, heard) => {
        this.snap = snap;
        this.heard = heard;
        this.beat = 1 - this.beat;
      },
      (link) => (this.link = link),
    );
  },
  unmounted() {
    clearInterval(this.timer);
    this.feed.close();
  },
  template: `
    <div class="gt-live" :class="['is-' + word, 'link-' + link]">
      <Teleport v-if="ready" to="#header-slot">
        <span v-if="snap?.product" class="gt-product"><b>{{ snap.product }}</b> <small>{{ snap.recipe }}</small></span>
        <span class="gt-spring"></span>
        <span v-if="snap?.simulated" class="gt-simulated" :title="words.t('frame.simulated_hint')">{{ words.t("frame.simulated") }}</span>
        <time class="gt-clock">{{ clock }}</time>
      </Teleport>

      <section v-if="alarms.length > 0" class="gt-alarms" role="alert" tabindex="0" :aria-label="words.t('alarms.title')">
        <div v-for="a in alarms" :key="a.sender + a.code" class="gt-alarm" :class="'is-' + severity(a.severity)">
          <Mark :name="severity(a.severity)" />
          <b>{{ words.t("alarms.severity." + a.severity) }}</b>
          <span class="gt-what">{{ words.what(a.code, a.text) }}<small>{{ words.more(a.code, a.text) }}</small></span>
          <span class="gt-todo">→ {{ words.remedy(a.code, a.remedy) }}</span>
          <span class="gt-since">{{ words.t("part.ago", { age: words.age(a.age_ms) }) }}</span>
        </div>
      </section>

      <section class="gt-state" :class="'is-' + word" aria-live="off">
        <div class="gt-big" :style="{ '--letters': words.t('word.' + word).length }"><Mark :name="word" /><h1>{{ words.t("word." + word) }}</h1></div>
        <div class="gt-say">
          <p class="gt-means">{{ means }}</p>
          <p v-if="detail" class="gt-detail">{{ detail }}</p>
          <p v-if="remedy" class="gt-todo">→ {{ remedy }}</p>
          <Acknowledge v-if="snap?.acknowledge" :words="words" />
          <ul v-if="reasons.length"><li v-for="(r, i) in reasons" :key="i">{{ r }}</li></ul>
        </div>
        <p class="gt-foot">
          <Age v-if="snap?.part && snap.part.age_ms !== null" :age-ms="snap.part.age_ms" :heard="heard" :late-ms="snap.late_ms" :running="snap.running" :words="words" />
          <span v-else class="gt-age">{{ words.t("part.none") }}</span>
          <span v-if="judged && snap.part?.outcome" class="gt-outcome" :class="'is-' + snap.part.outcome"><Mark :name="snap.part.outcome" /> {{ words.t("part.outcome." + snap.part.outcome) }}</span>
        </p>
      </section>

      <section class="gt-shot" :class="{ 'is-past': !judged }">
        <Picture :part="snap?.part" :words="words" :label="words.t('part.image')" />
        <p class="gt-caption">
          <span>{{ words.t("part.last") }}<template v-if="snap?.part"> · {{ snap.part.part_id }}</template></span>
          <b v-if="snap?.simulated" aria-hidden="true">{{ words.t("frame.simulated") }}</b>
        </p>
      </section>

      <section class="gt-numbers" :aria-label="words.t('count.title')">
        <div v-for="n in numbers" :key="n.key" class="gt-number" :class="['is-' + n.key, { 'is-alarming': n.bad }]">
          <span><Mark v-if="n.mark" :name="n.mark" />{{ words.t(n.name) }}</span><b>{{ n.value }}</b>
        </div>
      </section>

      <section class="gt-rejects" :aria-label="words.t('rejects.title')">
        <h2>{{ words.t("rejects.title") }}</h2>
        <p v-if="!snap?.rejects.length" class="gt-nothing">{{ words.t("rejects.none") }}</p>
        <div v-else class="gt-strip">
          <button v-for="p in snap.rejects" :key="p.key" type="button" class="gt-reject" :class="'is-' + p.verdict" @click="$refs.viewer.open(p)" :aria-label="words.t('rejects.open', { part: p.part_id })">
            <img v-if="p.thumb" :src="p.thumb" alt="" />
            <span class="gt-reject-word"><Mark :name="p.verdict" />{{ words.t("word." + p.verdict) }}<Mark v-if="p.outcome" class="gt-went" :name="p.outcome" /></span>
            <span class="gt-reject-text"><b>{{ caption(p) }}</b><time>{{ words.clock.format(p.wall_ms) }}</time></span>
          </button>
        </div>
      </section>

      <section class="gt-health" :aria-label="words.t('health.title')">
        <div v-for="h in snap?.health ?? []" :key="h.name" class="gt-chip" :class="'is-' + h.state" :title="h.detail">
          <Mark :name="h.state" /><span><b>{{ words.t("health." + h.name) }}</b><small>{{ words.t("note." + h.note, { n: words.tenth.format(h.value) }) }}</small></span>
        </div>
      </section>

      <!-- A dead man's switch: each snapshot restarts this animation. If nothing comes, or this page itself hangs, the browser
           finishes it on its own and the veil is there. -->
      <div class="gt-veil" :class="[beat ? 'beat-a' : 'beat-b', { 'is-on': link === 'lost' }]" :aria-hidden="link !== 'lost'" role="alert">
        <div class="gt-veil-card">
          <Mark name="warning" />
          <strong>{{ words.t("offline.title") }}</strong>
          <b>{{ words.t("word.OFFLINE") }}</b>
          <p>{{ words.t("offline.text") }}</p>
          <p>{{ words.t("offline.remedy") }} …</p>
        </div>
      </div>

      <Viewer ref="viewer" :rejects="snap?.rejects ?? []" :words="words" />
    </div>`,
};
