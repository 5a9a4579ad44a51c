// Where the names of boxes go: beside their box, inside of what is seen, over as little as possible.
const ruler = document.createElement("canvas").getContext("2d");
const FONT_PX = 15;

/**
 * @param boxes [{box: [x1, y1, x2, y2], text, on, …}] in px of the picture
 * @param view what is seen of the picture: {x, y, width, height}
 * @param px one px of the screen in px of the picture
 */
export function labels(boxes, view, px) {
  const font = FONT_PX * px;
  const h = font * 1.45;
  ruler.font = `600 ${FONT_PX}px Roboto, sans-serif`;
  const placed = [];
  for (const one of boxes) {
    const [x1, y1, x2, y2] = one.box;
    if (x2 < view.x || y2 < view.y || x1 > view.x + view.width || y1 > view.y + view.height) continue;
    const gap = (one.on ? 16 : 3) * px; // past its handles
    const w = ruler.measureText(one.text).width * px + font * 0.8;
    const fit = (x, y) => ({
      x: Math.max(view.x, Math.min(view.x + view.width - w, x)),
      y: Math.max(view.y, Math.min(view.y + view.height - h, y)),
      w,
      h,
    });
    const places = [fit(x1, y1 - h - gap), fit(x1, y2 + gap), fit(x2 - w, y1 - h - gap), fit(x2 - w, y2 + gap), fit(x2 + gap, y1), fit(x1 - w - gap, y1)];
    const cost = (p) => placed.reduce((sum, o) => sum + overlap(p, o) * 4, 0) + boxes.reduce((sum, o) => sum + overlap(p, sides(o.box)), 0);
    const best = places.map((p) => [cost(p), p]).sort((a, b) => a[0] - b[0])[0][1]; // sort is stable: the first place wins a tie
    placed.push({ ...one, ...best, font });
  }
  return placed;
}

function sides([x1, y1, x2, y2]) {
  return { x: x1, y: y1, w: x2 - x1, h: y2 - y1 };
}

function overlap(a, b) {
  const w = Math.min(a.x + a.w, b.x + b.w) - Math.max(a.x, b.x);
  const h = Math.min(a.y + a.h, b.y + b.h) - Math.max(a.y, b.y);
  return w > 0 && h > 0 ? w * h : 0;
}
