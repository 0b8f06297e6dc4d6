// The panel: everything about a scene that is not a movement.

const find = (id) => document.getElementById(id);
const make = (tag, properties = {}, ...children) => {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
};
const PLACE_OF = {
  system: "place-error", landmark: "place-error", steps: "steps-error", settings: "settings-error", formula: "formula-error",
  stretch: "shape-error", rotate: "shape-error", reshape: "shape-error", flip: "shape-error", samples: "quality-error", trust: "quality-error",
};
const KIND_PLACES = { place: "place-error", save: "save-error", unfold: "shape-error", film: "film-error", dive: "film-error" };
const COLOURINGS = {
  rank: "rank", cyclic: "cycle", histogram: "histogram", distance: "distance", attractor: "attractor", period: "period",
  phase: "phase", binary: "binary decomposition", stripe: "stripes", triangle: "triangle inequality",
  "trap-point": "trap: point", "trap-line": "trap: line", "trap-circle": "trap: circle", horizon: "horizon",
  lyapunov: "Lyapunov exponent", loss: "last loss", "best-step": "best step", output: "output",
};
const SWATCHES = 15, TRAIL = 40;

export class Panel {
  constructor(app) {
    this.app = app;
    this.trail = [];
    this.catalogue = null;
    for (const size of [1, 2, 4, 8]) {
      const button = make("button", { textContent: size, ariaLabel: `${size} by ${size}`, onclick: () => this.setPixel(size) });
      button.setAttribute("role", "radio");
      button.dataset.size = size;
      find("pixel").append(button);
    }
    this.markPixel();
    for (const count of [1, 4, 16, 64]) find("samples").append(make("option", { value: count, textContent: count }));
    this.listen();
    find("panel").hidden = localStorage.getItem("panel") === "closed" || innerWidth < 900;
    find("open-panel").setAttribute("aria-expanded", !find("panel").hidden);
  }

  listen() {
    const { app } = this;
    const changes = (id, read, event = "change") => find(id).addEventListener(event, () => (event === "input" ? app.live(read(find(id))) : app.change(read(find(id)))));
    const submits = (id, act) => find(id).addEventListener("submit", (event) => {
      event.preventDefault();
      this.clear();
      act();
    });
    changes("system", (e) => ({ system: e.value }));
    changes("palette", (e) => ({ palette: e.value }));
    changes("colouring", (e) => ({ colouring: e.value }));
    changes("interior", (e) => ({ interior: e.value }), "input");
    changes("mark", (e) => ({ mark: e.checked }));
    changes("samples", (e) => ({ samples: e.value }));
    changes("trust", (e) => ({ trust: e.value }));
    changes("cycle", (e) => ({ cycle: String(Number((10 ** e.value).toPrecision(3))) }), "input");
    const slope = () => app.live({ slope: find("shade").checked ? find("slope").value : "none" });
    find("shade").addEventListener("change", slope);
    find("slope").addEventListener("input", () => find("shade").checked && slope());
    find("rotate").addEventListener("input", () => { find("rotate-value").textContent = `${find("rotate").value}°`; });
    changes("rotate", (e) => {
      const turned = { rotate: e.value };
      e.value = 0;
      find("rotate-value").textContent = "0°";
      return turned;
    });
    submits("place-form", () => app.send({ type: "place", text: find("place").value }));
    submits("formula-form", () => app.change({ formula: find("formula").value }));
    submits("steps-form", () => app.change({ steps: find("steps").value }));
    changes("steps", (e) => ({ steps: e.value }));
    submits("stretch-form", () => app.change({ stretch: `${find("ratio").value}@${find("degrees").value}` }));
    submits("save-form", () => app.link.send({ type: "save", name: find("save-name").value, note: "" }));
    submits("film-form", () => app.link.send({ type: "film", from: find("film-from").value, seconds: find("film-seconds").value }));
    submits("dive-form", () => {
      find("levels").replaceChildren();
      app.link.send({ type: "dive", to: find("dive-to").value, seed: Number(find("dive-seed").value) || 0 });
    });
    for (const task of ["film", "dive"]) {
      find(`${task}-task`).querySelector("button").addEventListener("click", () => app.link.send({ type: "stop", task }));
    }
    for (const id of ["film-from", "dive-to"]) find(id).addEventListener("input", () => { find(id).dataset.typed = 1; });
    // a formula's error shows while it is typed
    find("formula").addEventListener("input", () => {
      clearTimeout(this.typing);
      this.typing = setTimeout(() => app.change({ formula: find("formula").value }), 400);
    });
    for (const [id, act] of [
      ["unfold-2", () => app.unfold()], ["fold", () => app.change({ stretch: "off" })],
      ["flip", () => app.change({ flip: !app.scene.flip })], ["copy-place", () => this.copyPlace()],
      ["copy-link", () => this.copy(location.href, "link")], ["copy-command", () => this.copyCommand()],
    ]) find(id).addEventListener("click", act);
  }

  toggle(open = find("panel").hidden) {
    find("panel").hidden = !open;
    find("open-panel").setAttribute("aria-expanded", open);
    if (innerWidth >= 900) localStorage.setItem("panel", open ? "open" : "closed");
    if (open) find("close-panel").focus({ preventScroll: true });
  }

  // everything there is to choose from
  fill(catalogue) {
    this.catalogue = catalogue;
    const group = (label, systems) => {
      const found = make("optgroup", { label });
      found.append(...systems.map((s) => make("option", { value: s.name, textContent: s.name })));
      return found;
    };
    find("system").replaceChildren(
      group("training", catalogue.systems.filter((s) => s.training)),
      group("maps", catalogue.systems.filter((s) => !s.training)),
    );
    find("palette").replaceChildren(...catalogue.palettes.map((p) => make("option", { value: p.name, textContent: p.name })));
    find("palettes").replaceChildren(...catalogue.palettes.slice(0, SWATCHES).map((p) => {
      const button = make("button", { title: p.name, ariaLabel: p.name, onclick: () => this.app.change({ palette: p.name }) });
      button.style.background = `linear-gradient(to right, ${p.colours.join(", ")})`;
      button.setAttribute("role", "option");
      button.dataset.name = p.name;
      return button;
    }));
    this.shown = null;
    this.refill = true;
  }

  scene(scene) {
    const system = this.catalogue.systems.find((s) => s.name === scene.system);
    const set = (id, value) => { if (document.activeElement !== find(id)) find(id).value = value; };
    this.clear();
    set("system", scene.system);
    find("system-title").textContent = system?.title ?? "";
    if (this.shown !== scene.system || this.refill) this.landmarks(scene.system);
    this.settings(scene, system);
    set("steps", scene.steps);
    find("curve-section").hidden = !scene.training;
    for (const [id, power] of [["film-from", Math.min(Math.ceil(scene.log10_depth) + 4, 1)], ["dive-to", Math.floor(scene.log10_depth) - 6]]) {
      if (document.activeElement !== find(id) && !find(id).dataset.typed) find(id).value = power === 0 ? "1" : power === 1 ? "4" : `1e${power}`;
    }
    find("auto-steps-row").hidden = scene.training;
    find("formula-form").hidden = scene.system !== "formula";
    if (scene.system === "formula") set("formula", scene.settings.formula ?? "z**2 + c");
    set("palette", scene.palette);
    for (const button of find("palettes").children) button.setAttribute("aria-selected", button.dataset.name === scene.palette);
    find("colouring").replaceChildren(...(system?.colourings ?? [scene.colouring]).map((c) => make("option", { value: c, textContent: COLOURINGS[c] + (scene.at_once.includes(c) ? "" : " – takes time") })));
    find("colouring").value = scene.colouring;
    find("cycle-row").hidden = scene.colouring !== "cyclic";
    set("cycle", Math.log10(scene.cycle));
    find("cycle-value").textContent = scene.cycle;
    find("shade").checked = scene.slope !== null;
    set("slope", scene.slope ?? 45);
    find("slope").disabled = scene.slope === null;
    find("slope-value").textContent = scene.slope === null ? "off" : `${scene.slope}°`;
    find("interior-row").hidden = !system?.colourings.includes("histogram");
    set("interior", scene.interior);
    find("mark").checked = scene.mark;
    set("ratio", Number(scene.ratio));
    set("degrees", scene.degrees);
    find("fold").disabled = !scene.stretched;
    if (![...find("samples").options].some((o) => o.value === String(scene.samples))) {
      find("samples").append(make("option", { value: scene.samples, textContent: scene.samples }));
    }
    set("samples", scene.samples);
    set("trust", scene.trust);
    for (const [id, kind] of [["get-picture", "picture.png"], ["get-data", "data.npz"], ["get-scene", "scene.toml"]]) {
      find(id).href = `/session/${this.catalogue.session}/${kind}`;
      if (kind !== "scene.toml" && scene.run === scene.number) find(id).setAttribute("aria-disabled", "true");
    }
    this.shown = scene.system;
  }

  landmarks(system) {
    this.refill = false;
    const own = this.catalogue.landmarks.filter((m) => m.system === system);
    find("landmarks").replaceChildren(...own.map((m) => {
      const image = make("img", { loading: "lazy", alt: "", src: `/thumbnail/${encodeURIComponent(m.name)}` });
      const name = m.name.startsWith(`${system}-`) ? m.name.slice(system.length + 1) : m.name;
      const button = make("button", { title: `${m.note} (${m.depth})`, onclick: () => this.app.change({ landmark: m.name }) }, image, make("span", { textContent: name }));
      return make("div", { role: "listitem" }, button);
    }));
  }

  settings(scene, system) {
    const box = find("settings"), known = (system?.settings ?? []).filter((s) => s.key !== "formula");
    if (box.dataset.system !== scene.system) {
      box.dataset.system = scene.system;
      box.replaceChildren(...known.map((s) => {
        const input = make("input", { id: `set-${s.key}`, placeholder: s.default || "the system's", autocomplete: "off", spellcheck: false });
        input.addEventListener("change", () => this.app.change({ settings: { [s.key]: input.value || s.default } }));
        return make("label", { className: "row", title: s.meaning }, make("span", { textContent: s.key }), input);
      }));
    }
    for (const s of known) {
      const input = find(`set-${s.key}`);
      if (document.activeElement !== input) input.value = scene.settings[s.key] ?? "";
    }
  }

  done({ trust, bits, steps }) {
    const { app } = this;
    find("facts").textContent = `${trust} ${bits} bits.`;
    for (const id of ["get-picture", "get-data"]) find(id).removeAttribute("aria-disabled");
    this.note(app.scene);
    if (steps && find("auto-steps").checked) app.change({ steps: String(steps) });
  }

  // the trail: every view that was finished, the newest first
  note(scene) {
    this.trail = this.trail.filter((t) => t.address !== scene.address);
    this.trail.unshift({ address: scene.address, power: scene.log10_depth, text: `${scene.system} ${find("where-depth").textContent}`, image: this.app.picture.thumbnail(120, 80) });
    this.trail.length = Math.min(this.trail.length, TRAIL);
    find("trail").replaceChildren(...this.trail.map((t) => {
      const button = make("button", { onclick: () => this.app.visit(t.address) }, make("img", { src: t.image, alt: "" }), make("span", { textContent: t.text }));
      button.setAttribute("aria-current", t.address === scene.address);
      return make("li", {}, button);
    }));
  }

  clear() {
    for (const line of document.querySelectorAll("#panel .error")) line.textContent = "";
  }

  // shows what was refused beside its control; whether there is one
  refused({ kind, names, text }) {
    const id = names ? PLACE_OF[names[0]] ?? "colours-error" : KIND_PLACES[kind];
    if (!id || find("panel").hidden) return false;
    find(id).textContent = text;
    find(id).closest("details").open = true;
    return true;
  }

  onMessage(message) {
    if (message.type === "task") this.task(message);
    if (message.type === "saved") {
      this.catalogue.landmarks = [...this.catalogue.landmarks.filter((m) => m.name !== message.landmark.name), message.landmark];
      this.landmarks(this.app.scene.system);
      find("save-name").value = "";
      this.app.say(`Saved. 'deepzoom render --at ${message.landmark.name}' renders it, too.`);
    }
  }

  setPixel(size) {
    this.app.setPixel(size);
    this.markPixel();
  }

  markPixel() {
    for (const button of find("pixel").children) button.setAttribute("aria-checked", Number(button.dataset.size) === this.app.pixel);
  }

  nextPalette(by) {
    const names = this.catalogue.palettes.slice(0, SWATCHES).map((p) => p.name);
    const at = names.indexOf(this.app.scene.palette);
    this.app.change({ palette: names[(at + by + names.length) % names.length] });
  }

  async copy(text, what) {
    try {
      await navigator.clipboard.writeText(text);
      this.app.say(`Copied the ${what}.`, 2500);
    } catch {
      this.app.say(text, 30000);
    }
  }

  copyPlace() {
    const { x, y, depth } = this.app.scene;
    this.copy(`${x} ${y} ${depth}`, "place");
  }

  copyCommand() {
    const { command } = this.app.scene;
    if (command) this.copy(command, "command");
    else this.copy("deepzoom render --scene scene.toml", "command; it needs the file that Scene downloads");
  }

  // the loss curve of a pixel
  probe([column, row]) {
    if (!this.app.scene?.training || find("panel").hidden) return;
    find("curve-section").open = true;
    this.app.link.send({ type: "probe", column, row });
  }

  task(message) {
    const { kind, state, stage, share, text, image, address, link } = message;
    if (kind === "curve") {
      if (state === "done") drawCurve(find("curve"), message);
      const running = `${stage}, ${Math.round(100 * share)} %`;
      const parted = message.parted === null ? "" : ` float64 (dashed) goes wrong at step ${message.parted}.`;
      if (state !== "stopped") find("curve-note").textContent = state === "running" ? running : text ?? `Loss by step, exact.${parted}`;
      return;
    }
    const box = find(`${kind}-task`), [bar, button, line] = box.children;
    box.hidden = false;
    button.hidden = bar.hidden = state !== "running";
    if (share !== undefined) bar.value = share;
    else bar.removeAttribute("value");
    line.textContent = state === "running" ? `${stage}${share ? ` ${Math.round(100 * share)} %` : ""}` : state === "stopped" ? "Stopped." : text;
    if (link) line.append(" ", make("a", { href: link, textContent: "Download", download: "" }));
    if (image) {
      find("levels").append(make("button", { title: stage, onclick: () => this.app.visit(address) }, make("img", { src: image, alt: stage })));
    }
    if (kind === "dive" && state === "done") this.app.visit(address);
  }
}

// losses on a logarithmic scale: the exact run, and float64's where it differs
function drawCurve(svg, { steps, exact, plain, parted }) {
  const known = [...exact, ...plain].filter((v) => v !== null);
  const low = Math.floor(Math.max(Math.min(...known), Math.max(...known) - 40)), high = Math.max(low + 1, Math.ceil(Math.min(Math.max(...known), low + 40)));
  const last = Math.max(1, steps.at(-1));
  const x = (step) => 30 + (264 * step) / last, y = (v) => 8 + (122 * (high - Math.max(low, Math.min(high, v)))) / (high - low);
  const path = (values) => values.map((v, k) => (v === null ? "" : `${k && values[k - 1] !== null ? "L" : "M"}${x(steps[k]).toFixed(1)} ${y(v).toFixed(1)}`)).join("");
  const draw = (tag, attributes, text = "") => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.textContent = text;
    return element;
  };
  const every = Math.max(1, Math.ceil((high - low) / 5)), parts = [];
  for (let power = high; power >= low; power -= every) {
    parts.push(draw("line", { x1: 30, x2: 294, y1: y(power), y2: y(power) }), draw("text", { x: 26, y: y(power) + 3, "text-anchor": "end" }, `1e${power}`));
  }
  parts.push(draw("text", { x: 30, y: 146 }, "0"), draw("text", { x: 294, y: 146, "text-anchor": "end" }, `step ${last}`));
  if (parted !== null) parts.push(draw("path", { d: path(plain), class: "plain-run" }));
  parts.push(draw("path", { d: path(exact) }));
  svg.replaceChildren(...parts);
  svg.removeAttribute("hidden");
}
