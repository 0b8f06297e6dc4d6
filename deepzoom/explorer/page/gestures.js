// Mouse, touch and wheel on the picture become moves.

import { panBy, STILL, zoomAt } from "./picture.js";

const SEND_EVERY = 60, REST = 100, NOTCH = 100;

export class Gestures {
  // go(pan, zoom, glides): makes a move; pan: [right, down] in pixels; zoom: {factor, at} or null
  // drag(on): tells that a drag moves, or rests
  constructor(picture, go, hover, click, drag) {
    Object.assign(this, { picture, go, hover, click, drag, dragging: false });
    this.fingers = new Map();
    this.wheel = 0;
    this.sent = 0;
    const { canvas } = picture;
    canvas.addEventListener("wheel", (e) => this.onWheel(e), { passive: false });
    canvas.addEventListener("pointerdown", (e) => this.onDown(e));
    canvas.addEventListener("pointermove", (e) => this.onMove(e));
    for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, (e) => this.onUp(e));
    canvas.addEventListener("dblclick", (e) => this.go(null, { factor: e.shiftKey ? 0.5 : 2, at: this.pixel(e) }, true));
    canvas.addEventListener("pointerleave", () => this.hover(null));
  }

  // where an event is, in pixels of the picture
  point(event) {
    const box = this.picture.canvas.getBoundingClientRect();
    return [
      ((event.clientX - box.left) * this.picture.width) / box.width,
      ((event.clientY - box.top) * this.picture.height) / box.height,
    ];
  }

  pixel(event) {
    return this.point(event).map(Math.floor);
  }

  onWheel(event) {
    event.preventDefault();
    const lines = event.deltaMode === 1 ? 33 : event.deltaMode === 2 ? 300 : 1;
    const notch = event.ctrlKey && Math.abs(event.deltaY) < 50 ? NOTCH / 4 : NOTCH;
    this.wheel -= Math.max(-4 * NOTCH, Math.min(4 * NOTCH, event.deltaY * lines)) / notch;
    const steps = Math.trunc(this.wheel + Math.sign(this.wheel) * 1e-9);
    if (!steps) return;
    this.wheel = Math.abs(event.deltaY) >= NOTCH ? 0 : this.wheel - steps;
    this.go(null, { factor: 2 ** steps, at: this.pixel(event) }, true);
  }

  onDown(event) {
    if (event.button > 0) return;
    this.picture.canvas.setPointerCapture(event.pointerId);
    this.fingers.set(event.pointerId, this.point(event));
    this.moved = this.fingers.size > 1 || false;
    this.begin();
  }

  // from here on, the fingers' movement is counted
  begin() {
    this.from = new Map(this.fingers);
    this.picture.hold(STILL);
  }

  onMove(event) {
    if (!this.fingers.has(event.pointerId)) {
      if (event.pointerType === "mouse") this.hover(this.pixel(event));
      return;
    }
    this.fingers.set(event.pointerId, this.point(event));
    const [p] = this.fingers.values(), [q] = this.from.values();
    if (!this.moved && Math.hypot(p[0] - q[0], p[1] - q[1]) < 4) return;
    this.moved = true;
    this.picture.canvas.classList.add("dragging");
    this.moves(true);
    this.picture.hold(this.camera());
    if (performance.now() > this.sent + SEND_EVERY) this.commit();
  }

  // whether the fingers move; they rest when they have not for some time
  moves(on) {
    clearTimeout(this.resting);
    if (on) this.resting = setTimeout(() => this.rest(), REST);
    if (on !== this.dragging) this.drag(on);
    this.dragging = on;
  }

  rest() {
    this.commit();
    this.moves(false);
  }

  // what the fingers have done since `begin`
  camera() {
    const now = [...this.fingers.values()], from = [...this.from.values()];
    const middle = (points) => [0, 1].map((k) => points.reduce((sum, p) => sum + p[k], 0) / points.length);
    const [mx, my] = middle(now), [fx, fy] = middle(from);
    if (now.length < 2) return { a: 1, x: Math.round(mx - fx), y: Math.round(my - fy) };
    const apart = (points) => Math.hypot(points[0][0] - points[1][0], points[0][1] - points[1][1]);
    const a = Math.max(0.05, Math.min(20, apart(now) / Math.max(1, apart(from))));
    return { a, x: mx - a * fx, y: my - a * fy };
  }

  // send it
  commit() {
    const { a, x, y } = this.camera();
    if (a === 1 && !x && !y) return;
    this.sent = performance.now();
    if (a === 1) this.go([-x, -y], null, false);
    else {
      // x' = a x + t is a zoom about the point that stays, unless nothing but a drag is left
      const fixed = [x, y].map((t) => t / (1 - a) - 0.5);
      const near = fixed.every((v) => Math.abs(v) < 1e5);
      if (!near) return;
      this.go(null, { factor: a, at: fixed }, false);
    }
    this.from = new Map(this.fingers);
  }

  onUp(event) {
    if (!this.fingers.has(event.pointerId)) return;
    if (this.moved) this.commit();
    else if (event.type === "pointerup") this.click(this.pixel(event));
    this.fingers.delete(event.pointerId);
    this.moves(false);
    this.picture.canvas.classList.remove("dragging");
    this.begin();
  }
}

export { panBy, zoomAt };
