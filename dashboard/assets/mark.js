// The symbol of a word: each has its own shape, so that nobody needs to tell colours apart.
const PATHS = {
  OK: "M3.5 13l6 6L20.5 5.5",
  NG: "M5 5l14 14M19 5L5 19",
  UNDECIDED: "M7.6 8.4a4.5 4.5 0 1 1 6.4 4c-1.3.7-2 1.5-2 3M12 20.2v.1",
  STOPPED: "M8 2.5h8l5.5 5.5v8L16 21.5H8L2.5 16V8zM7.5 12h9",
  WAITING: "M6 3h12M6 21h12M7.5 3c0 4.8 4.5 5.8 4.5 9s-4.5 4.2-4.5 9M16.5 3c0 4.8-4.5 5.8-4.5 9s4.5 4.2 4.5 9",
  ok: "M4 13l5.5 5.500L20 6.5",
  bad: "M6 6l12 12M18 6L6 18",
  warning: "M12 4L2.8 20h18.400zM12 10.500v4M12 17.300v.1",
  info: "M12 11v7M12 6.500v.1",
  unknown: "M6 12h12",
  passed: "M3 12h16M13 6l6 6-6 6",
  ejected: "M4 6h8v12M7 13l5 5 5-5",
  missed: "M12 4L2.8 20h18.400zM12 10.500v4M12 17.300v.1",
  sound: "M4 9.500v5h3.500L12 18.500v-13L7.500 9.500zM15.500 9a4.500 4.500 0 0 1 0 6M18 6a9 9 0 0 1 0 12",
  silent: "M4 9.500v5h3.500L12 18.500v-13L7.500 9.500zM16 9.500l5 5M21 9.500l-5 5",
  close: "M5 5l14 14M19 5L5 19",
  left: "M15 4l-8 8 8 8",
  right: "M9 4l8 8-8 8",
};

export default {
  props: { name: String },
  computed: {
    path() {
      return PATHS[this.name] ?? PATHS.unknown;
    },
  },
  template: `<svg class="gt-mark" viewBox="0 0 24 24" aria-hidden="true"><path :d="path" /></svg>`,
};
