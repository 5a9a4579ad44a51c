// Words and numbers in the page's language.
const REASON = /^(doubtful )?(.{1,80}) x(\d{1,4})(?: \((\d{1,4}) allowed\))?$/;

export class Words {
  constructor(texts, language) {
    this.texts = texts;
    this.language = language;
    this.whole = new Intl.NumberFormat(language, { maximumFractionDigits: 0 });
    this.tenth = new Intl.NumberFormat(language, { maximumFractionDigits: 1 });
    this.tenths = new Intl.NumberFormat(language, { minimumFractionDigits: 1, maximumFractionDigits: 1 });
    this.share = new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: 0 });
    this.shareFine = new Intl.NumberFormat(language, { style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 1 });
    this.shareShort = new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: 1 });
    this.clock = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false });
    this.fine = new Intl.NumberFormat(language, { maximumFractionDigits: 2 });
    this.digits = new Intl.NumberFormat(language, { maximumSignificantDigits: 3 });
    this.signed = new Intl.NumberFormat(language, { maximumFractionDigits: 1, signDisplay: "exceptZero" });
    this.shareExact = new Intl.NumberFormat(language, { style: "percent", minimumFractionDigits: 4, maximumFractionDigits: 4 });
    this.day = new Intl.DateTimeFormat(language, { dateStyle: "medium" });
    this.dayShort = new Intl.DateTimeFormat(language, { day: "2-digit", month: "short" });
    this.dayClock = new Intl.DateTimeFormat(language, { weekday: "short", hour: "2-digit", minute: "2-digit", hour12: false });
    this.minute = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit", hour12: false });
    this.dayMinute = new Intl.DateTimeFormat(language, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", hour12: false });
    this.full = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "medium", hour12: false });
  }

  has(key) {
    return Object.hasOwn(this.texts, key);
  }

  t(key, values = {}) {
    const text = this.has(key) ? this.texts[key] : key;
    return text.replace(/\{(\w+)\}/g, (_, name) => (name in values ? values[name] : ""));
  }

  kind(name) {
    return this.has(`kind.${name}`) ? this.texts[`kind.${name}`] : name;
  }

  /** The station says its reasons in English; those that count defects are said in the page's language. */
  reason(text) {
    const found = REASON.exec(text);
    if (!found) return text;
    const [, doubtful, kind, count, allowed] = found;
    const more = [doubtful ? this.t("part.doubtful") : "", allowed ? this.t("part.allowed", { count: allowed }) : ""].filter(Boolean);
    return `${this.kind(kind)} × ${count}${more.length ? ` (${more.join(", ")})` : ""}`;
  }

  /** What happened and what to do: translated where the code is known, else the sender's words. */
  what(code, text) {
    return this.has(`reason.${code}`) ? this.t(`reason.${code}`) : text || this.t("reason.unknown");
  }

  /** The sender's own words, where they say more than the translation. */
  more(code, text) {
    return text && this.has(`reason.${code}`) && text.toLowerCase() !== this.t(`reason.${code}`).toLowerCase() ? text : "";
  }

  remedy(code, text) {
    return this.has(`remedy.${code}`) ? this.t(`remedy.${code}`) : text || this.t("remedy.unknown");
  }

  /** A moment of the past: with its day where it was not today. */
  moment(ms) {
    return (new Date(ms).toDateString() === new Date().toDateString() ? this.minute : this.dayMinute).format(ms);
  }

  age(ms) {
    const s = Math.max(0, ms) / 1000;
    if (s < 10) return this.t("age.s", { n: this.tenths.format(Math.floor(s * 10) / 10) });
    if (s < 120) return this.t("age.s", { n: this.whole.format(Math.floor(s)) });
    if (s < 7200) return this.t("age.min", { n: this.whole.format(Math.floor(s / 60)) });
    return this.t("age.h", { n: this.whole.format(Math.floor(s / 3600)) });
  }
}
