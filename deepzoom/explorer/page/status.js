// The status bar, the scale and the progress line.

const find = (id) => document.getElementById(id);
const FATES = { "-1": "converged", 0: "undecided", 1: "diverged" };
const TRUSTS = { "-1": "unsettled", 0: "unchecked", 1: "settled" };

// 10**power as people read it
function asNumber(log10) {
  if (log10 > -4 && log10 < 5) return String(Number((10 ** log10).toPrecision(3)));
  const power = Math.floor(log10 + 1e-9);
  return `${Number((10 ** (log10 - power)).toPrecision(3))}e${power}`;
}

export class Status {
  constructor(app) {
    this.app = app;
    find("centre").addEventListener("click", () => app.panel.copyPlace());
  }

  scene(scene) {
    find("where-system").textContent = scene.system;
    find("where-depth").textContent = asNumber(scene.log10_depth);
    find("depth").textContent = find("where-depth").textContent;
    find("centre").textContent = `${scene.x}, ${scene.y}`;
    document.title = `${scene.system} ${find("where-depth").textContent}`;
    this.scale(scene);
    if (scene.run === scene.number) find("state").textContent = "…";
  }

  // a bar of 1, 2 or 5 times a power of ten, along the picture's width
  scale(scene) {
    const bar = find("scale");
    bar.hidden = scene.stretched;
    const perPixel = scene.log10_depth - Math.log10(innerHeight);
    const longest = perPixel + Math.log10(Math.min(180, innerWidth / 3));
    const power = Math.floor(longest), left = 10 ** (longest - power);
    const times = left >= 5 ? 5 : left >= 2 ? 2 : 1;
    bar.firstElementChild.style.width = `${times * 10 ** (power - perPixel)}px`;
    bar.lastElementChild.textContent = asNumber(power + Math.log10(times));
  }

  progress({ stage, share, left, run }) {
    if (run !== undefined && run !== this.app.scene?.run) return;
    const line = find("progress"), percent = Math.round(100 * share);
    line.classList.add("on");
    line.setAttribute("aria-valuenow", percent);
    line.firstElementChild.style.transform = `scaleX(${share})`;
    find("state").textContent = `${stage === "pixels" ? "" : `${stage} `}${percent} %${left ? `, ${left} left` : ""}`;
  }

  // before the first pixels of a long view
  estimate({ text, run }) {
    if (run !== this.app.scene?.run) return;
    const seconds = text.split(" takes ")[1]?.replace(/\.$/, "");
    if (seconds) find("state").textContent = `takes ${seconds}`;
  }

  idle() {
    find("progress").classList.remove("on");
  }

  done({ seconds, backend }) {
    this.idle();
    find("state").textContent = `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s, ${backend}`;
  }

  point(point) {
    const parts = [];
    if (point.measure !== undefined) {
      if (point.iterations !== undefined) {
        parts.push(point.iterations ? `${point.iterations.toLocaleString("en")} steps` : "no escape");
        if (point.iterations) parts.push(`smooth ${point.measure.toFixed(2)}`);
        if (point.attractor > 0) parts.push(`attractor ${point.attractor}`);
      } else parts.push(FATES[point.fate], `measure ${Number(point.measure.toPrecision(6))}`);
      parts.push(point.own ? TRUSTS[point.trust] : "of the view before");
    }
    find("pixel-values").textContent = parts.join(" · ") || "–";
    find("pixel-values").title = `${point.x}, ${point.y}`;
  }
}
