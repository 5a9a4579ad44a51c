// One chart of the statistics: drawn by ECharts from plain figures, in the colours of the page, with a picture and a table to take away.
// All texts are drawn on the canvas or set by Vue; nothing here becomes HTML.
import { echarts } from "nicegui-echart";

const STILL = window.matchMedia("(prefers-reduced-motion: reduce)");

function colours() {
  const style = getComputedStyle(document.body);
  const of = (name) => style.getPropertyValue(name).trim();
  return { text: of("--text"), quiet: of("--quiet"), line: of("--line"), card: of("--card"), raised: of("--raised"), accent: of("--accent"), ng: of("--ng"), warn: of("--undecided"), ok: of("--ok") };
}

export default {
  props: { kind: String, data: Object, alt: String, words: Object, language: String, file: String, csv: String },
  mounted() {
    this.chart = Vue.markRaw(echarts.init(this.$refs.plot, null, { renderer: "canvas" }));
    this.chart.on("click", (at) => {
      const link = this.data.links?.[at.dataIndex];
      if (link) location.assign(link);
    });
    this.sizes = new ResizeObserver(() => {
      this.chart.resize();
      this.draw();
    });
    this.sizes.observe(this.$refs.plot);
    this.light = new MutationObserver(this.draw); // the switch between dark and light changes the body's class
    this.light.observe(document.body, { attributes: true, attributeFilter: ["class"] });
    STILL.addEventListener("change", this.draw);
    this.draw();
  },
  beforeUnmount() {
    this.sizes.disconnect();
    this.light.disconnect();
    STILL.removeEventListener("change", this.draw);
    this.chart.dispose();
  },
  watch: { data: "draw" },
  methods: {
    number(value, digits = 0) {
      return value == null ? "–" : new Intl.NumberFormat(this.language, { maximumFractionDigits: digits }).format(value);
    },
    share(value) {
      const digits = value != null && Math.abs(value) < 0.1 && value !== 0 ? 2 : 1;
      return value == null ? "–" : new Intl.NumberFormat(this.language, { style: "percent", maximumFractionDigits: digits }).format(value);
    },
    axis(c, more = {}) {
      return { axisLine: { lineStyle: { color: c.line } }, axisTick: { show: false }, axisLabel: { color: c.quiet, fontSize: 13, hideOverlap: true }, splitLine: { lineStyle: { color: c.line } }, nameTextStyle: { color: c.quiet }, ...more };
    },
    labels(c) {
      return this.axis(c, { type: "category", data: this.data.labels, splitLine: { show: false } });
    },
    /** Every name is there, cut where it has no room. */
    names(c) {
      const width = Math.max(48, (this.$refs.plot.clientWidth - 130) / Math.max(1, this.data.labels.length) - 8);
      return { ...this.labels(c), axisLabel: { color: c.text, fontSize: 14, interval: 0, width, overflow: "truncate" } };
    },
    shares(c, more = {}) {
      return this.axis(c, { type: "value", min: 0, axisLabel: { color: c.quiet, fontSize: 13, formatter: (v) => this.share(v) }, ...more });
    },
    draw() {
      const c = colours();
      const d = this.data;
      const made = this[this.kind](c, d);
      this.chart.setOption(
        {
          animation: !STILL.matches,
          animationDuration: 300,
          textStyle: { fontFamily: "Roboto, Helvetica Neue, Arial, sans-serif" },
          grid: { left: 12, right: 16, top: 44, bottom: 8, containLabel: true },
          legend: { top: 0, left: 0, textStyle: { color: c.text, fontSize: 14 }, itemGap: 18 },
          tooltip: { trigger: this.kind === "latency" ? "item" : "axis", renderMode: "richText", backgroundColor: c.raised, borderColor: c.line, textStyle: { color: c.text, fontSize: 14 }, confine: true, formatter: (at) => this.said(at) },
          ...made,
        },
        { notMerge: true },
      );
    },
    said(at) {
      const rows = Array.isArray(at) ? at : [at];
      const n = rows[0].dataIndex;
      return [rows[0].axisValueLabel || rows[0].name, ...(this.data.notes?.[n] ?? [])].join("\n");
    },
    pareto(c, d) {
      return {
        xAxis: this.names(c),
        yAxis: [this.axis(c, { type: "value", minInterval: 1, axisLabel: { color: c.quiet, formatter: (v) => this.number(v) } }), this.shares(c, { max: 1, splitLine: { show: false } })],
        series: [
          { name: this.words.parts, type: "bar", data: d.parts, barMaxWidth: 90, itemStyle: { color: c.accent }, label: { show: true, position: "top", color: c.text, fontWeight: 700, formatter: (p) => this.number(p.value) }, cursor: "pointer" },
          { name: this.words.cumulated, type: "line", yAxisIndex: 1, data: d.cumulated, symbol: "circle", symbolSize: 9, lineStyle: { color: c.text, width: 2 }, itemStyle: { color: c.card, borderColor: c.text, borderWidth: 2 } },
        ],
      };
    },
    control(c, d) {
      const limit = (name, data) => ({ name, type: "line", step: "middle", data, symbol: "none", lineStyle: { color: c.quiet, width: 1.5, type: "dashed" }, itemStyle: { color: c.quiet }, tooltip: { show: false } });
      return {
        xAxis: this.labels(c),
        yAxis: this.shares(c),
        series: [
          {
            name: this.words.rate, type: "line", data: d.rates, symbol: "circle", symbolSize: 7, lineStyle: { color: c.accent, width: 2 }, itemStyle: { color: c.accent }, cursor: "pointer",
            markLine: d.centre == null ? undefined : { symbol: "none", silent: true, animation: false, lineStyle: { color: c.text, type: "solid", width: 1.5 }, label: { color: c.text, position: "insideStartTop", formatter: `${this.words.centre} ${this.share(d.centre)}` }, data: [{ yAxis: d.centre }] },
          },
          limit(this.words.limits, d.high),
          limit(this.words.limits, d.low),
          {
            name: this.words.broken, type: "scatter", symbol: "diamond", symbolSize: 18, z: 5, cursor: "pointer",
            data: d.marks.map((mark, n) => (mark ? { value: d.rates[n], label: { formatter: mark } } : null)),
            itemStyle: { color: c.card, borderColor: c.ng, borderWidth: 3 }, label: { show: true, position: "top", color: c.ng, fontWeight: 700, fontSize: 14 },
          },
        ],
      };
    },
    trend(c, d) {
      return {
        xAxis: this.labels(c),
        yAxis: [this.shares(c), this.axis(c, { type: "value", splitLine: { show: false }, axisLabel: { color: c.quiet, fontSize: 13, formatter: (v) => this.number(v) } })],
        series: [
          {
            name: this.words.rate, type: "line", data: d.rates, symbol: "circle", symbolSize: 8, z: 3, itemStyle: { color: c.accent }, lineStyle: { color: c.accent, width: 2.5 }, cursor: "pointer",
            markArea: d.band ? { silent: true, itemStyle: { color: c.ok, opacity: 0.16 }, data: [[{ yAxis: d.band[0] }, { yAxis: d.band[1] }]] } : undefined,
          },
          { name: this.words.parts, type: "bar", yAxisIndex: 1, data: d.parts, barMaxWidth: 40, itemStyle: { color: c.line, opacity: 0.75 } },
        ],
      };
    },
    latency(c, d) {
      // on a scale of powers of ten a bar has no true length: places are marked, each percentile by a shape of its own
      const shapes = { p50: ["circle", c.accent, 15], p95: ["diamond", c.text, 17], p99: ["triangle", c.warn, 15] };
      return {
        grid: { left: 12, right: 28, top: 44, bottom: 8, containLabel: true },
        xAxis: this.axis(c, { type: "log", axisLabel: { color: c.quiet, fontSize: 13, formatter: (v) => `${this.number(v, 3)} ms` } }),
        yAxis: this.axis(c, { type: "category", data: d.labels, inverse: true, splitLine: { show: false }, axisLabel: { color: c.text, fontSize: 14 } }),
        series: Object.entries(shapes).map(([name, [symbol, color, symbolSize]], n) => ({
          name: this.words[name], type: "scatter", symbol, symbolSize, z: 5 - n, data: d[name].map((v, row) => [v, row]), itemStyle: { color, borderColor: c.card, borderWidth: 1.5 },
          markLine: n ? undefined : { silent: true, symbol: "none", animation: false, lineStyle: { color: c.quiet, type: "solid", width: 3, opacity: 0.6 }, label: { show: false }, data: d.labels.map((_, row) => [{ coord: [d.p50[row], row] }, { coord: [d.p99[row], row] }]) },
        })),
      };
    },
    groups(c, d) {
      return {
        legend: { show: false },
        grid: { left: 12, right: 16, top: 28, bottom: 8, containLabel: true },
        xAxis: this.names(c),
        yAxis: this.shares(c),
        series: [{ name: this.words.rate, type: "bar", data: d.rates, barMaxWidth: 70, itemStyle: { color: c.accent }, cursor: "pointer", label: { show: true, position: "top", color: c.text, fontWeight: 700, formatter: (p) => this.share(p.value) } }],
      };
    },
    take(url, end) {
      const a = document.createElement("a");
      a.href = url;
      a.download = `${this.file}.${end}`;
      a.click();
    },
    png() {
      this.take(this.chart.getDataURL({ type: "png", pixelRatio: 2, backgroundColor: colours().card }), "png");
    },
    table() {
      const url = URL.createObjectURL(new Blob(["\ufeff", this.csv], { type: "text/csv;charset=utf-8" }));
      this.take(url, "csv");
      setTimeout(() => URL.revokeObjectURL(url), 10_000);
    },
  },
  template: `
    <div class="gt-chart">
      <div class="gt-chart-plot" ref="plot" role="img" :aria-label="alt"></div>
      <div class="gt-chart-tools">
        <button type="button" class="gt-button is-quiet" @click="png"><i class="q-icon material-icons" aria-hidden="true">image</i> PNG</button>
        <button type="button" class="gt-button is-quiet" @click="table"><i class="q-icon material-icons" aria-hidden="true">table_view</i> CSV</button>
      </div>
    </div>`,
};
