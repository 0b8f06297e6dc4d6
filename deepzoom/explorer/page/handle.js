// The handle for the picture's shape: a ring about the middle with two knobs. Pull a knob to stretch the picture that way,
// pull the ring to turn it. By keyboard, on a knob: up and down stretch, left and right turn.

const find = (id) => document.getElementById(id);
const STEP = 1.1, TURN = Math.PI / 36, LEAST = 0.05, MOST = 16, WAIT = 600;
const turn = (angle, [x, y]) => [Math.cos(angle) * x - Math.sin(angle) * y, Math.sin(angle) * x + Math.cos(angle) * y];

export class Handle {
  // apply(matrix): makes the view; matrix: row by row, right and down
  constructor(picture, apply) {
    Object.assign(this, { picture, apply });
    this.svg = find("handle");
    [this.ring, ...this.lines] = this.svg.querySelectorAll("path, line");
    this.knobs = [...this.svg.querySelectorAll("circle")];
    this.reset();
    this.knobs.forEach((knob, k) => {
      this.drags(knob, (at) => { this.set(k, at); });
      knob.addEventListener("keydown", (event) => this.onKey(event, k));
      knob.addEventListener("blur", () => this.commit());
    });
    this.drags(this.ring, (at, before) => {
      const angle = Math.atan2(at[1], at[0]) - Math.atan2(before[1], before[0]);
      this.ends = this.ends.map((end) => turn(angle, end));
    });
    addEventListener("resize", () => this.draw());
  }

  get shown() { return !this.svg.hasAttribute("hidden"); }
  get radius() { return 0.24 * Math.min(innerWidth, innerHeight); }

  toggle(open = !this.shown) {
    this.commit();
    this.svg.toggleAttribute("hidden", !open);
    find("open-handle").setAttribute("aria-pressed", open);
    if (open) this.draw();
  }

  // where the knobs are, in radii: what was one radius to the right, and upward
  reset() {
    this.ends = [[1, 0], [0, -1]];
    this.changed = false;
  }

  get matrix() {
    const [[a, c], [b, d]] = this.ends;
    return [a, -b, c, -d];
  }

  set(k, at) {
    const ends = this.ends.map((end, n) => (n === k ? at : end)), [[a, c], [b, d]] = ends;
    if (b * c - a * d < LEAST || ends.some((end) => Math.hypot(...end) > MOST)) return;
    this.ends = ends;
  }

  drags(element, move) {
    const point = ({ clientX, clientY }) => [(clientX - innerWidth / 2) / this.radius, (clientY - innerHeight / 2) / this.radius];
    let before = null;
    element.addEventListener("pointerdown", (event) => {
      if (event.button > 0) return;
      element.setPointerCapture(event.pointerId);
      before = point(event);
      event.stopPropagation();
    });
    element.addEventListener("pointermove", (event) => {
      if (!before) return;
      move(point(event), before);
      before = point(event);
      this.changed = true;
      this.draw();
    });
    for (const name of ["pointerup", "pointercancel"]) element.addEventListener(name, () => {
      if (before) this.commit();
      before = null;
    });
  }

  onKey(event, k) {
    const angle = { ArrowLeft: -TURN, ArrowRight: TURN }[event.key], factor = { ArrowUp: STEP, ArrowDown: 1 / STEP }[event.key];
    if (event.key === "Enter") this.commit();
    if (!angle && !factor) return;
    event.preventDefault();
    event.stopPropagation();
    if (angle) this.ends = this.ends.map((end) => turn(angle, end));
    else this.set(k, this.ends[k].map((v) => v * factor));
    this.changed = true;
    this.draw();
    clearTimeout(this.waiting);
    this.waiting = setTimeout(() => this.commit(), WAIT);
  }

  // shows the picture in the new shape, and asks for it
  commit() {
    clearTimeout(this.waiting);
    if (!this.changed) return;
    const { matrix } = this;
    this.picture.canvas.style.transform = "";
    this.picture.pull(matrix);
    this.reset();
    this.draw();
    this.apply(matrix);
  }

  draw() {
    const { radius } = this, [a, b, c, d] = this.matrix, x = innerWidth / 2, y = innerHeight / 2;
    this.svg.setAttribute("viewBox", `0 0 ${innerWidth} ${innerHeight}`);
    const points = Array.from({ length: 73 }, (_, k) => turn((k * Math.PI) / 36, [1, 0]));
    this.ring.setAttribute("d", `M${points.map(([u, v]) => `${(x + radius * (a * u + b * v)).toFixed(1)} ${(y + radius * (c * u + d * v)).toFixed(1)}`).join("L")}Z`);
    this.ends.forEach((end, k) => {
      const at = { x2: x + radius * end[0], y2: y + radius * end[1] };
      for (const [name, value] of Object.entries({ x1: x, y1: y, ...at })) this.lines[k].setAttribute(name, value);
      this.knobs[k].setAttribute("cx", at.x2);
      this.knobs[k].setAttribute("cy", at.y2);
      this.knobs[k].setAttribute("aria-valuenow", Math.hypot(...end).toFixed(2));
      this.knobs[k].setAttribute("aria-valuetext", `${Math.hypot(...end).toFixed(2)} times`);
    });
    this.picture.canvas.style.transform = this.changed ? `matrix(${a}, ${c}, ${b}, ${d}, 0, 0)` : "";
  }
}
