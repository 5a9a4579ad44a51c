// What a person does here while the line is stopped: say that it may run again. In whose name, the server knows from the session.
export async function tell(address, body) {
  const answer = await fetch(address, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-Gutteil": "1" },
    body: JSON.stringify(body),
  });
  return { status: answer.status, ...(await answer.json()) };
}

export async function leave(login) {
  await fetch("/api/session/end", { method: "POST", headers: { "X-Gutteil": "1" } });
  location.assign(login);
}

export default {
  props: { words: Object, person: String, may: Boolean, login: String },
  data() {
    return { reason: "", busy: false, refused: "", over: false };
  },
  methods: {
    async send() {
      if (this.busy) return;
      this.busy = true;
      this.refused = "";
      try {
        const said = await tell("/api/line/acknowledge", { reason: this.reason.trim() });
        this.over = said.status === 401;
        if (!said.accepted) this.refused = this.over ? this.words.t("frame.session_over") : said.text;
      } catch (error) {
        this.refused = String(error);
      } finally {
        this.busy = false;
      }
    },
    other() {
      leave(this.login);
    },
  },
  template: `
    <form class="gt-ack" @submit.prevent="send">
      <template v-if="person && may && !over">
        <input v-model="reason" type="text" maxlength="200" autocomplete="off" :placeholder="words.t('ack.reason')" :aria-label="words.t('ack.reason')" />
        <button type="submit" class="gt-ack-go" :disabled="busy">{{ words.t("ack.button") }}</button>
        <p class="gt-ack-who">{{ words.t("ack.as", { name: person }) }} <button type="button" @click="other">{{ words.t("ack.other") }}</button></p>
      </template>
      <template v-else>
        <p v-if="person && !over" class="gt-ack-who">{{ words.t("ack.may_not", { name: person }) }} <button type="button" @click="other">{{ words.t("ack.other") }}</button></p>
        <a v-else class="gt-ack-go" :href="login">{{ words.t("ack.login") }}</a>
      </template>
      <p v-if="refused" role="alert">{{ words.t("ack.refused", { why: refused }) }}</p>
    </form>`,
};
