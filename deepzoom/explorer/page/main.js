// deepzoom's page: joins the connection, the picture, the gestures and the panel.

import { Gestures, panBy, zoomAt } from "./gestures.js";
import { Handle } from "./handle.js";
import { Link } from "./link.js";
import { Map as MiniMap } from "./map.js";
import { Panel } from "./panel.js";
import { Picture } from "./picture.js";
import { Status } from "./status.js";

const find = (id) => document.getElementById(id);
const MOST_PIXELS = 1 << 22, SETTLED = 600;

class App {
  constructor() {
    this.picture = new Picture(find("picture"));
    this.number = 0;
    this.scene = null;
    this.answer = 0; // the number of the last view that the server made or refused
    this.ended = null; // the last run that ended
    this.pixel = Number(localStorage.getItem("pixel")) || 1;
    this.status = new Status(this);
    this.panel = new Panel(this);
    this.map = new MiniMap({
      go: (power) => this.change({ depth: `1e${power}` }), home: (landmark) => this.change({ landmark }), visit: (address) => this.visit(address),
    });
    this.handle = new Handle(this.picture, (reshape) => this.change({ reshape }));
    this.fit();
    this.link = new Link(() => this.hello(), (m) => this.onMessage(m), (h, b) => this.onPixels(h, b), (up, why) => this.onState(up, why));
    new Gestures(
      this.picture, (pan, zoom, glides) => this.go(pan, zoom, glides), (at) => this.hover(at), (at) => this.panel.probe(at),
      (on) => this.link.send({ type: "drag", on }),
    );
    addEventListener("resize", () => {
      clearTimeout(this.resizing);
      this.resizing = setTimeout(() => this.resized(), 120);
    });
    addEventListener("popstate", () => this.visit(location.hash.slice(1)));
    addEventListener("keydown", (event) => this.onKey(event));
    for (const [id, action] of [
      ["zoom-in", () => this.zoomMiddle(2)], ["zoom-out", () => this.zoomMiddle(0.5)], ["unfold", () => this.unfold()],
      ["open-handle", () => this.handle.toggle()], ["open-panel", () => this.panel.toggle()], ["close-panel", () => this.panel.toggle(false)],
      ["back", () => history.back()], ["forward", () => history.forward()],
    ]) find(id).addEventListener("click", action);
  }

  // whether the picture is finished
  get done() { return this.scene !== null && this.answer === this.number && this.ended === this.scene.run; }

  // the picture's size in its own pixels
  get size() { return [this.picture.width, this.picture.height]; }

  fit() {
    let pixel = this.pixel / Math.min(devicePixelRatio, 2);
    const { innerWidth, innerHeight } = window;
    while ((innerWidth / pixel) * (innerHeight / pixel) > MOST_PIXELS) pixel *= 2;
    find("picture").classList.toggle("coarse", pixel * devicePixelRatio > 1.01);
    this.picture.resize(Math.max(16, Math.round(innerWidth / pixel)), Math.max(16, Math.round(innerHeight / pixel)));
  }

  resized() {
    const [width, height] = this.size;
    this.fit();
    if (this.size[0] === width && this.size[1] === height) return;
    this.send({ type: "size", size: this.size });
  }

  setPixel(pixel) {
    this.pixel = pixel;
    localStorage.setItem("pixel", pixel);
    this.resized();
  }

  hello() {
    this.number += 1;
    return { type: "hello", number: this.number, size: this.size, address: this.scene?.address ?? location.hash.slice(1) };
  }

  // sends a message that makes a new view; the view's number
  send(message) {
    this.number += 1;
    this.link.send({ ...message, number: this.number });
    return this.number;
  }

  go(pan, zoom, glides) {
    const message = { type: "move" };
    if (pan) message.pan = pan;
    if (zoom) Object.assign(message, { zoom: zoom.factor, at: zoom.at });
    const number = this.send(message);
    this.wheelAt = performance.now();
    this.picture.move(number, zoom ? zoomAt(zoom.factor, ...zoom.at) : panBy(...pan), glides);
  }

  zoomMiddle(factor) {
    this.go(null, { factor, at: this.size.map((n) => Math.floor(n / 2)) }, true);
  }

  change(set) { this.send({ type: "change", set }); }

  // a change that a control makes while it moves: one at a time, and only the last of those that wait
  live(set) {
    if (this.changing) this.waiting = set;
    else {
      this.changing = true;
      this.change(set);
    }
  }

  answered() {
    const set = this.waiting;
    this.changing = this.waiting = null;
    if (set) this.live(set);
  }

  unfold() { this.send({ type: "unfold" }); }
  visit(address) {
    if (address && address !== this.scene?.address) this.send({ type: "go", address });
  }

  hover(at) {
    this.at = at;
    if (!at || this.asking) return;
    this.asking = setTimeout(() => {
      this.asking = null;
      if (this.at) this.link.send({ type: "point", column: this.at[0], row: this.at[1] });
    }, 60);
  }

  onMessage(message) {
    if (message.type === "scene") this.onScene(message);
    else if (message.type === "catalogue") this.panel.fill(message);
    else if (message.type === "progress") this.status.progress(message);
    else if (message.type === "recoloured") this.answer = Math.max(this.answer, message.number);
    else if (message.type === "estimate") this.status.estimate(message);
    else if (message.type === "done") this.onDone(message);
    else if (message.type === "point") this.status.point(message);
    else if (message.type === "refused") {
      if (message.kind === "move" || message.kind === "go") this.picture.undo(message.number);
      if (!this.panel.refused(message)) this.say(message.text);
      this.answer = Math.max(this.answer, message.number ?? 0);
      this.status.idle();
      this.answered();
    } else if (message.type === "note" || message.type === "error") this.say(message.text);
    else this.panel.onMessage(message);
  }

  onScene(scene) {
    const first = this.scene === null;
    this.scene = scene;
    if (scene.run === scene.number) this.answer = Math.max(this.answer, scene.number);
    this.status.scene(scene);
    this.panel.scene(scene);
    this.map.scene(scene, this.panel.trail);
    this.answered();
    clearTimeout(this.settling);
    if (first) history.replaceState(null, "", `#${scene.address}`);
    else this.settling = setTimeout(() => {
      if (location.hash.slice(1) !== scene.address) history.pushState(null, "", `#${scene.address}`);
    }, SETTLED);
  }

  onPixels(head, bytes) {
    this.picture.paint(head, bytes);
    if (head.finished && head.run === this.scene?.run) this.finished = head.run;
  }

  onDone(message) {
    if (message.run !== this.scene?.run) return;
    this.ended = message.run;
    this.status.done(message);
    this.panel.done(message);
    this.map.scene(this.scene, this.panel.trail);
  }

  onState(up, why) {
    document.body.classList.toggle("offline", !up);
    if (up) this.lost?.remove();
    else if (!this.lost?.isConnected) this.lost = this.say(why || "The server is gone. Waiting for it …", 1e9);
  }

  say(text, length = 7000) {
    const line = document.createElement("p");
    line.textContent = text;
    const box = find("messages");
    for (const old of box.children) if (old.textContent === text) old.remove();
    box.append(line);
    while (box.children.length > 3) box.firstChild.remove();
    setTimeout(() => line.remove(), Math.min(length, 2 ** 31 - 1));
    return line;
  }

  onKey(event) {
    const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName) && event.target.type !== "checkbox";
    if (event.key === "Escape") {
      this.panel.toggle(false);
      this.handle.toggle(false);
      find("picture").focus();
      return;
    }
    if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
    const [width, height] = this.size, step = Math.round(Math.min(width, height) / 8);
    const keys = {
      ArrowLeft: () => this.go([-step, 0], null, true), ArrowRight: () => this.go([step, 0], null, true),
      ArrowUp: () => this.go([0, -step], null, true), ArrowDown: () => this.go([0, step], null, true),
      "+": () => this.zoomMiddle(2), "=": () => this.zoomMiddle(2), "-": () => this.zoomMiddle(0.5),
      u: () => this.unfold(), p: () => this.panel.toggle(), f: () => this.change({ flip: !this.scene.flip }),
      "[": () => this.panel.nextPalette(-1), "]": () => this.panel.nextPalette(1), "?": () => find("help").showModal(),
      c: () => this.panel.copyPlace(), s: () => this.handle.toggle(),
    };
    if (event.target.closest("#panel") && event.key.startsWith("Arrow")) return;
    const action = keys[event.key];
    if (!action || find("help").open) return;
    event.preventDefault();
    action();
  }
}

const KEYS = [
  ["wheel, pinch", "zoom at the pointer"], ["drag, arrows", "move"], ["+ and -", "zoom in and out"],
  ["double click", "zoom in; with Shift, out"], ["U", "unfold stripes"], ["S", "stretch and turn"], ["F", "flip"], ["[ and ]", "other palettes"],
  ["C", "copy the place"], ["P", "settings"], ["Alt+Left", "back"], ["Esc", "close"],
];
for (const [key, what] of KEYS) {
  for (const [tag, text] of [["dt", key], ["dd", what]]) {
    const item = document.createElement(tag);
    item.textContent = text;
    document.querySelector("#help dl").append(item);
  }
}

window.deepzoom = new App(); // for tests, and for the curious
