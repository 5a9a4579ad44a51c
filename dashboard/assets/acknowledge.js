// The one thing a person does here while the line is stopped: say by name that it may run again.
export default {
  props: { words: Object },
  data() {
    return { who: "", busy: false, refused: "" };
  },
  methods: {
    async send() {
      if (this.busy || !this.who.trim()) return;
      this.busy = true;
      this.refused = "";
      try {
        const answer = await fetch("/api/line/acknowledge", {
          method: "POST",
          headers: { "Content-Type": "application/json", "X-Gutteil": "1" },
          body: JSON.stringify({ who: this.who.trim() }),
        });
        const said = await answer.json();
        if (!said.accepted) this.refused = said.text;
      } catch (error) {
        this.refused = String(error);
      } finally {
        this.busy = false;
      }
    },
  },
  template: `
    <form class="gt-ack" @submit.prevent="send">
      <input v-model="who" type="text" maxlength="100" autocomplete="off" :placeholder="words.t('ack.name')" :aria-label="words.t('ack.name')" />
      <button type="submit" :disabled="busy || !who.trim()">{{ words.t("ack.button") }}</button>
      <p v-if="refused" role="alert">{{ words.t("ack.refused", { why: refused }) }}</p>
    </form>`,
};
