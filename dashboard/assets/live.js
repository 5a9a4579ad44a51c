// The live page: one snapshot in, one screen out. Vue escapes every text; nothing here is ever set as HTML.
import Acknowledge from "/assets/acknowledge.js";
import Age from "/assets/age.js";
import Alarms from "/assets/alarms.js";
import { Feed } from "/assets/feed.js";
import Mark from "/assets/mark.js";
import Numbers from "/assets/numbers.js";
import Picture from "/assets/picture.js";
import Sound from "/assets/sound.js";
import Viewer from "/assets/viewer.js";
import { Words } from "/assets/words.js";

const PICTURE_LATE_MS = 1500; // a picture that has not come by then must not pass for that of the part
const SOUND_AGAIN_MS = 8000; // a stop is said again, as nobody may have been near

export default {
  components: { Acknowledge, Age, Alarms, Mark, Numbers, Picture, Sound, Viewer },
  props: { texts: Object, language: String, person: String, may: Boolean, kiosk: Boolean, version: String },
  data() {
    return { snap: null, heard: 0, link: "connecting", beat: 0, clock: "", ready: false, pictured: null, behind: false, words: Vue.markRaw(new Words(this.texts, this.language)) };
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
    login() {
      return `/login?to=${encodeURIComponent(this.kiosk ? "/?kiosk=1" : "/")}`;
    },
    acknowledged() {
      const said = this.snap?.acknowledged;
      return said ? this.words.t("ack.last", { name: said.who, time: this.words.moment(said.wall_ms), text: said.text }) : "";
    },
    alarming() {
      return this.word === "STOPPED" || this.link === "lost";
    },
  },
  watch: {
    alarming(now) {
      if (now) this.alarm();
    },
  },
  methods: {
    tick() {
      this.clock = this.words.clock.format(new Date());
      const late = Boolean(this.snap?.part) && this.pictured?.key !== this.snap.part.key;
      this.behind = late && performance.now() - this.awaited > PICTURE_LATE_MS;
      if (this.alarming && performance.now() - this.alarmed >= SOUND_AGAIN_MS) this.alarm();
    },
    alarm() {
      this.alarmed = performance.now();
      this.$refs.sound?.play("stop");
    },
    take(snap, heard) {
      const known = this.snap?.part?.key;
      if (snap.part?.key !== known && this.pictured?.key === known) this.awaited = heard; // up to now the picture was the right one
      this.snap = snap;
      this.heard = heard;
      this.beat = 1 - this.beat;
      if (snap.part && known && snap.part.key !== known && snap.word === "NG") this.$refs.sound?.play("ng");
      if (snap.version !== this.version) this.renew();
    },
    show(part) {
      this.pictured = part;
      this.awaited = performance.now();
      this.behind = false;
    },
    /** The dashboard has been updated: load the page anew, unless somebody is at work here. */
    async renew() {
      if (this.renewing || document.querySelector("dialog[open]") || document.activeElement?.value) return;
      this.renewing = true;
      const answer = await fetch("/health/ready").catch(() => null); // a page that cannot be loaded would not come back by itself
      if (answer?.ok) location.reload();
      else setTimeout(() => (this.renewing = false), 1000);
    },
    async stayAwake() {
      if (!this.kiosk || document.hidden) return;
      await navigator.wakeLock?.request("screen").catch(() => null); // some browsers refuse on battery
    },
    caption(part) {
      return part.defects.length ? this.words.kind(part.defects[0].kind) : this.words.t(`word.${part.verdict}`);
    },
  },
  mounted() {
    this.ready = true; // the header, where a part of this goes, is drawn by now
    this.tick();
    this.timer = setInterval(() => this.tick(), 500);
    this.feed = new Feed(this.take, (link) => (this.link = link));
    // nothing here needs NiceGUI's own connection; where it is lost and comes back, NiceGUI would load the page anew
    setTimeout(() => window.socket?.disconnect());
    document.addEventListener("visibilitychange", this.stayAwake);
    this.stayAwake();
  },
  unmounted() {
    clearInterval(this.timer);
    document.removeEventListener("visibilitychange", this.stayAwake);
    this.feed.close();
  },
  template: `
    <div class="gt-live" :class="['is-' + word, 'link-' + link, { 'is-kiosk': kiosk, 'is-asked': snap?.acknowledge && !judged }]">
      <Teleport v-if="ready" to="#header-slot">
        <span v-if="snap?.product" class="gt-product"><b>{{ snap.product }}</b> <small>{{ snap.recipe }}</small></span>
        <span class="gt-spring"></span>
        <span v-if="snap?.simulated" class="gt-simulated" :title="words.t('frame.simulated_hint')">{{ words.t("frame.simulated") }}</span>
        <time class="gt-clock">{{ clock }}</time>
        <Sound ref="sound" :words="words" />
      </Teleport>

      <Alarms v-if="alarms.length > 0" :alarms="alarms" :words="words" :person="person" :may="may" :login="login" />

      <section class="gt-state" :class="'is-' + word" aria-live="off">
        <div class="gt-big" :style="{ '--letters': words.t('word.' + word).length }"><Mark :name="word" /><h1>{{ words.t("word." + word) }}</h1></div>
        <div class="gt-say">
          <p class="gt-means">{{ means }}</p>
          <p v-if="detail" class="gt-detail">{{ detail }}</p>
          <p v-if="remedy" class="gt-todo">→ {{ remedy }}</p>
          <Acknowledge v-if="snap?.acknowledge" :words="words" :person="person" :may="may" :login="login" />
          <ul v-if="reasons.length"><li v-for="(r, i) in reasons" :key="i">{{ r }}</li></ul>
        </div>
        <p class="gt-foot">
          <Age v-if="snap?.part && snap.part.age_ms !== null" :age-ms="snap.part.age_ms" :heard="heard" :late-ms="snap.late_ms" :running="snap.running" :words="words" />
          <span v-else class="gt-age">{{ words.t("part.none") }}</span>
          <span v-if="judged && snap.part?.outcome" class="gt-outcome" :class="'is-' + snap.part.outcome"><Mark :name="snap.part.outcome" /> {{ words.t("part.outcome." + snap.part.outcome) }}</span>
        </p>
      </section>

      <section class="gt-shot" :class="{ 'is-past': !judged || behind }">
        <Picture :part="snap?.part" :words="words" :label="words.t('part.image')" @shown="show" />
        <p class="gt-caption">
          <span v-if="behind" class="gt-behind"><Mark name="warning" /> {{ words.t("part.behind") }}</span>
          <span v-else>{{ words.t("part.last") }}<template v-if="pictured"> · {{ pictured.part_id }}</template></span>
          <b v-if="snap?.simulated" aria-hidden="true">{{ words.t("frame.simulated") }}</b>
        </p>
      </section>

      <Numbers :snap="snap" :words="words" />

      <section class="gt-rejects" :aria-label="words.t('rejects.title')">
        <h2>{{ words.t("rejects.title") }}<small v-if="acknowledged" class="gt-acknowledged">{{ acknowledged }}</small></h2>
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
