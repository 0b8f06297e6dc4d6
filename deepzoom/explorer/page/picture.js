// The picture: layers, one for each view, drawn over each other. A move takes all layers along at once, and the pixels
// of the new view come into a layer of their own. All numbers here are relative to the view that is shown: exact
// coordinates stay on the server.

const STILL = { a: 1, x: 0, y: 0 };
const MOST_LAYERS = 6, TILE = 16;

// first `one`, then `other`
const joined = (one, other) => ({ a: one.a * other.a, x: other.a * one.x + other.x, y: other.a * one.y + other.y });
const inverse = (t) => ({ a: 1 / t.a, x: -t.x / t.a, y: -t.y / t.a });
const between = (t, share) => {
  const a = t.a ** share, rest = t.a === 1 ? share : (a - 1) / (t.a - 1);
  return { a, x: t.x * rest, y: t.y * rest };
};

// one view's pixels. at: where they lie in the view that is shown
class Layer {
  constructor(number, width, height, at) {
    Object.assign(this, { number, at, width, height, finished: false });
    this.canvas = document.createElement("canvas");
    this.canvas.width = width;
    this.canvas.height = height;
    this.context = this.canvas.getContext("2d");
    this.image = new ImageData(width, height);
    this.pixels = new Uint32Array(this.image.data.buffer);
    this.dirty = null; // what the canvas lacks: left, top, right, bottom
  }

  whole(pixels) {
    if (pixels.length !== this.pixels.length) return; // of another size
    this.pixels.set(pixels);
    this.spoil(0, 0, this.width, this.height);
  }

  // a tile of blocks; clear ones change nothing
  tile(left, top, stride, blocks) {
    const { width, height, pixels } = this;
    for (let row = 0, k = 0; row < TILE; row += 1) {
      const y = top + row * stride, bottom = Math.min(height, y + stride);
      for (let column = 0; column < TILE; column += 1, k += 1) {
        const colour = blocks[k];
        if (!colour) continue;
        const x = left + column * stride, right = Math.min(width, x + stride);
        for (let line = y; line < bottom; line += 1) pixels.fill(colour, line * width + x, line * width + right);
      }
    }
    this.spoil(left, top, Math.min(width, left + TILE * stride), Math.min(height, top + TILE * stride));
  }

  spoil(left, top, right, bottom) {
    const d = this.dirty ?? [left, top, right, bottom];
    this.dirty = [Math.min(d[0], left), Math.min(d[1], top), Math.max(d[2], right), Math.max(d[3], bottom)];
  }

  // brings the canvas up to date
  flush() {
    if (!this.dirty) return;
    const [left, top, right, bottom] = this.dirty;
    this.context.putImageData(this.image, 0, 0, left, top, right - left, bottom - top);
    this.dirty = null;
    this.painted = true;
  }
}

export class Picture {
  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d", { alpha: false });
    this.layers = [];
    this.moves = [];
    this.drag = STILL;
    this.camera = STILL;
    this.animation = null;
    this.waiting = false;
    this.frames = 0; // drawn, for tests
    this.firstPixels = null; // when the first new pixels of the newest view were drawn
  }

  get width() { return this.canvas.width; }
  get height() { return this.canvas.height; }

  resize(width, height) {
    if (width === this.width && height === this.height) return;
    const kept = this.copy(), a = height / (this.height || height);
    this.canvas.width = width;
    this.canvas.height = height;
    this.only(kept, { a, x: (width - kept.width * a) / 2, y: 0 });
  }

  // what is shown, as a canvas. matrix: pulled by it about the middle
  copy([a, b, c, d] = [1, 0, 0, 1]) {
    const kept = document.createElement("canvas"), { width, height } = this;
    kept.width = width;
    kept.height = height;
    const context = kept.getContext("2d"), [x, y] = [width / 2, height / 2];
    context.setTransform(a, c, b, d, x - a * x - b * y, y - c * x - d * y);
    if (width && height) context.drawImage(this.canvas, 0, 0);
    return kept;
  }

  // shows a canvas until new pixels come
  only(canvas, at) {
    this.layers = [{ number: -1, canvas, at, flush() {} }];
    this.moves = [];
    this.draw();
  }

  // pulls what is shown into another shape
  pull(matrix) {
    this.only(this.copy(matrix), STILL);
  }

  // A move of everything that is shown, which makes view `number`. The picture glides there in some milliseconds, or
  // is there already (after a drag).
  move(number, by, glides) {
    for (const layer of this.layers) layer.at = joined(layer.at, by);
    this.moves.push({ number, by });
    if (glides) {
      this.camera = joined(inverse(by), this.camera);
      const from = this.camera, begin = performance.now(), length = 160;
      this.animation = (now) => {
        const share = Math.min(1, (now - begin) / length);
        this.camera = share < 1 ? between(from, (1 - share) ** 2) : STILL;
        return share < 1;
      };
    } else {
      this.camera = joined(inverse(by), this.camera);
      if (Math.abs(this.camera.a - 1) < 1e-9 && Math.hypot(this.camera.x, this.camera.y) < 1e-6) this.camera = STILL;
    }
    this.draw();
  }

  // a move that has not been sent yet: of the fingers or the mouse
  hold(camera) {
    this.animation = null;
    this.camera = camera;
    this.draw();
  }

  // the server refused a move: go back
  undo(number) {
    const found = this.moves.find((m) => m.number === number);
    if (!found) return;
    for (const layer of this.layers) layer.at = joined(layer.at, inverse(found.by));
    this.moves = this.moves.filter((m) => m !== found);
    this.draw();
  }

  // head: run, finished and, for a part of the picture, stride and corners of its tiles; pixels: their colours
  paint({ run, finished, stride, corners }, pixels) {
    const layer = this.layer(run);
    if (!layer) return;
    if (corners) corners.forEach(([left, top], k) => layer.tile(left, top, stride, pixels.subarray(k * TILE * TILE, (k + 1) * TILE * TILE)));
    else layer.whole(pixels);
    if (finished && layer.at.a === 1) this.layers = this.layers.filter((l) => l.number >= run);
    layer.finished = finished;
    this.draw();
  }

  // the layer of a view; null for one that was left
  layer(run) {
    const newest = this.layers.at(-1), known = this.layers.find((l) => l.number === run);
    if (known || (newest && newest.number > run)) return known ?? null;
    const at = this.moves.filter((m) => m.number > run).reduce((t, m) => joined(t, m.by), STILL);
    this.moves = this.moves.filter((m) => m.number > run);
    this.layers.push(new Layer(run, this.width, this.height, at));
    if (this.layers.length > MOST_LAYERS) this.layers.shift();
    return this.layers.at(-1);
  }

  draw() {
    if (this.waiting) return;
    this.waiting = true;
    requestAnimationFrame((now) => {
      this.waiting = false;
      const more = this.animation?.(now);
      if (!more) this.animation = null;
      this.show();
      if (more) this.draw();
    });
  }

  show() {
    const { context } = this;
    context.setTransform(1, 0, 0, 1, 0, 0);
    const newest = this.layers.at(-1), placed = this.layers.map((layer) => ({ layer, t: joined(layer.at, this.camera) }));
    const lowest = placed.findLastIndex(({ layer, t }) => layer.finished && this.covers(t));
    if (lowest < 0) {
      context.fillStyle = this.ground ??= getComputedStyle(document.body).backgroundColor;
      context.fillRect(0, 0, this.width, this.height);
    }
    for (const { layer, t } of placed.slice(Math.max(0, lowest))) {
      layer.flush();
      if (!layer.canvas.width || !layer.canvas.height || t.a < 1e-3 || t.a > 1e5) continue;
      context.setTransform(t.a, 0, 0, t.a, t.x, t.y);
      context.imageSmoothingEnabled = t.a !== 1 && !this.animation; // a browser without a GPU scales smoothly too slowly
      context.drawImage(layer.canvas, 0, 0);
    }
    context.setTransform(1, 0, 0, 1, 0, 0);
    this.frames += 1;
    if (newest?.painted && this.firstPixels?.run !== newest.number) {
      this.firstPixels = { run: newest.number, at: performance.now() };
    }
  }

  // whether a layer there leaves nothing of the picture free
  covers({ a, x, y }) {
    const near = 1e-6;
    return x <= near && y <= near && x + a * this.width >= this.width - near && y + a * this.height >= this.height - near;
  }

  thumbnail(width, height) {
    const small = document.createElement("canvas");
    small.width = width;
    small.height = height;
    const scale = Math.max(width / this.width, height / this.height);
    const w = this.width * scale, h = this.height * scale;
    small.getContext("2d").drawImage(this.canvas, (width - w) / 2, (height - h) / 2, w, h);
    return small.toDataURL("image/jpeg", 0.8);
  }
}

export const panBy = (right, down) => ({ a: 1, x: -right, y: -down });
// a zoom about the middle of a pixel
export const zoomAt = (factor, column, row) => ({
  a: factor, x: (1 - factor) * (column + 0.5), y: (1 - factor) * (row + 0.5),
});
export { STILL };
