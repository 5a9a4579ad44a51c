// Sounds, if somebody has switched them on at this screen. Made by the browser, so there is no file to load.
import Mark from "/assets/mark.js";

const KEPT = "gutteil_sound";
const GAP_MS = 400; // a line that rejects faster must not become a siren
// wave, then [Hz, from s, for s]: a stop is high, long and goes up and down; a reject is low and short
const TONES = {
  stop: ["square", [880, 0, 0.22], [587, 0.26, 0.22], [880, 0.52, 0.22], [587, 0.78, 0.3]],
  ng: ["triangle", [294, 0, 0.11], [233, 0.15, 0.16]],
};

function kept() {
  try {
    const { on, volume } = JSON.parse(localStorage.getItem(KEPT) ?? "{}");
    return { on: on === true, volume: volume >= 0 && volume <= 1 ? volume : 0.5 };
  } catch {
    return { on: false, volume: 0.5 };
  }
}

export default {
  components: { Mark },
  props: { words: Object },
  data: () => ({ ...kept(), state: "none", played: -GAP_MS }),
  computed: {
    blocked() {
      return this.on && this.state !== "running";
    },
    label() {
      return this.words.t(this.blocked ? "sound.blocked" : this.on ? "sound.is_on" : "sound.is_off");
    },
  },
  watch: {
    on: "keep",
    volume: "keep",
  },
  methods: {
    keep() {
      localStorage.setItem(KEPT, JSON.stringify({ on: this.on, volume: this.volume }));
    },
    // a browser lets nobody make noise before a person has touched the page
    async unlock() {
      if (!this.on) return;
      this.audio ??= Vue.markRaw(new AudioContext());
      this.audio.onstatechange = () => (this.state = this.audio.state);
      await this.audio.resume();
      this.state = this.audio.state;
    },
    play(name) {
      const now = performance.now();
      if (!this.on || this.audio?.state !== "running" || now - this.played < GAP_MS) return;
      this.played = now;
      const [wave, ...notes] = TONES[name];
      for (const [hertz, from, long] of notes) {
        const begin = this.audio.currentTime + 0.02 + from;
        const voice = this.audio.createOscillator();
        const loud = this.audio.createGain();
        voice.type = wave;
        voice.frequency.value = hertz;
        loud.gain.setValueAtTime(0, begin);
        loud.gain.linearRampToValueAtTime(this.volume * (wave === "square" ? 0.35 : 1), begin + 0.015); // no click
        loud.gain.setValueAtTime(this.volume * (wave === "square" ? 0.35 : 1), begin + long - 0.03);
        loud.gain.linearRampToValueAtTime(0, begin + long);
        voice.connect(loud).connect(this.audio.destination);
        voice.start(begin);
        voice.stop(begin + long);
      }
    },
    async test(name) {
      await this.unlock();
      this.played = -GAP_MS;
      this.play(name);
    },
  },
  mounted() {
    this.touched = () => this.unlock();
    for (const event of ["pointerdown", "keydown"]) document.addEventListener(event, this.touched);
    if (navigator.userActivation?.hasBeenActive) this.unlock();
  },
  unmounted() {
    for (const event of ["pointerdown", "keydown"]) document.removeEventListener(event, this.touched);
    this.audio?.close();
  },
  template: `
    <button type="button" class="gt-sound" :class="{ 'is-blocked': blocked }" :aria-label="label" :title="label" @click="$refs.dialog.showModal()">
      <Mark :name="on ? 'sound' : 'silent'" /><span v-if="blocked">{{ words.t("sound.tap") }}</span>
    </button>
    <dialog ref="dialog" class="gt-card gt-sounds" :aria-label="words.t('sound.title')" @click.self="$refs.dialog.close()">
      <h2>{{ words.t("sound.title") }}</h2>
      <label class="gt-check"><input v-model="on" type="checkbox" @change="unlock" /> {{ words.t("sound.on") }}</label>
      <label class="gt-volume">{{ words.t("sound.volume") }} <input v-model.number="volume" type="range" min="0" max="1" step="0.05" :disabled="!on" /></label>
      <div class="gt-row">
        <button type="button" class="gt-button" :disabled="!on" @click="test('stop')"><Mark name="STOPPED" /> {{ words.t("sound.test_stop") }}</button>
        <button type="button" class="gt-button" :disabled="!on" @click="test('ng')"><Mark name="NG" /> {{ words.t("sound.test_ng") }}</button>
      </div>
      <button type="button" class="gt-button is-primary" @click="$refs.dialog.close()">{{ words.t("viewer.close") }}</button>
    </dialog>`,
};
