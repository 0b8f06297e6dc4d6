// The mini-map: where the view lies in the whole system, and a ruler of the way down. A click on the ruler goes to that
// depth; dots are views that were finished.

const find = (id) => document.getElementById(id);
const WIDTH = 150, HEIGHT = 30, LEFT = 6, RIGHT = 8;

export class Map {
  // go(power): goes to the depth 10**power at this centre; home(name): to a landmark; visit(address)
  constructor({ go, home, visit }) {
    Object.assign(this, { go, visit });
    find("map-home").addEventListener("click", () => home(this.home));
    const ruler = find("ruler");
    ruler.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
    ruler.addEventListener("click", (event) => {
      const box = ruler.getBoundingClientRect();
      const share = ((event.clientX - box.left) / box.width * WIDTH - LEFT) / (WIDTH - LEFT - RIGHT);
      this.go(Math.round(this.top - Math.max(0, Math.min(1, share)) * this.span));
    });
    ruler.addEventListener("keydown", (event) => {
      const by = { ArrowLeft: 1, ArrowDown: 1, ArrowRight: -1, ArrowUp: -1 }[event.key];
      if (!by) return;
      event.preventDefault();
      event.stopPropagation();
      this.go(Math.round(this.power + by));
    });
  }

  scene({ home, log10_depth: power }, trail) {
    find("map").hidden = false;
    find("map-home").hidden = !home;
    if (home) {
      const image = find("map-home").querySelector("img"), mark = find("map-home").querySelector("i");
      if (this.home !== home.name) image.src = `/thumbnail/${encodeURIComponent(home.name)}`;
      this.home = home.name;
      mark.hidden = !home.at;
      if (home.at) [mark.style.left, mark.style.top] = home.at.map((v) => `${100 * v}%`);
    }
    this.power = power;
    this.top = Math.max(power, Math.ceil(home?.log10_depth ?? 1));
    this.deepest = Math.min(power, ...trail.map((t) => t.power));
    this.span = Math.max(3, Math.ceil((this.top - this.deepest) * 1.1));
    this.draw(trail);
  }

  draw(trail) {
    const x = (power) => LEFT + ((this.top - power) / this.span) * (WIDTH - LEFT - RIGHT);
    const make = (tag, attributes, text = "") => {
      const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
      for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
      element.textContent = text;
      return element;
    };
    const every = [1, 2, 5, 10, 20, 50, 100, 200, 500].find((n) => this.span / n <= 4.5) ?? 1000, parts = [];
    parts.push(make("line", { x1: LEFT, x2: WIDTH - RIGHT, y1: 12, y2: 12 }));
    for (let power = Math.floor(this.top / every) * every; power >= this.top - this.span; power -= every) {
      parts.push(make("line", { x1: x(power), x2: x(power), y1: 9, y2: 15 }));
      if (x(power) < WIDTH - 12 && x(power) > 10) parts.push(make("text", { x: x(power), y: 27, "text-anchor": "middle" }, power === 0 ? "1" : `1e${power}`));
    }
    for (const { power, address } of trail) {
      const dot = make("circle", { cx: x(power), cy: 12, r: 3, class: "seen" });
      dot.addEventListener("click", (event) => {
        event.stopPropagation();
        this.visit(address);
      });
      parts.push(dot);
    }
    parts.push(make("circle", { cx: x(this.power), cy: 12, r: 4.5, class: "here" }));
    const ruler = find("ruler");
    ruler.replaceChildren(...parts);
    ruler.setAttribute("aria-valuemax", Math.round(this.span));
    ruler.setAttribute("aria-valuenow", Math.round(this.top - this.power));
    ruler.setAttribute("aria-valuetext", find("where-depth").textContent);
  }
}
