"use strict";
// Points in space on a plain canvas: no WebGL, which many machines lack or emulate slowly.
// A Scene is given coordinates and, of each point, a look; it turns, zooms, draws, and finds points by pixels.

// Second channel beside colour.
const SHAPES = ["circle", "square", "diamond", "triangle", "plus", "wedge", "cross", "ring"];
const REACH = 9; // pixels within which a pointer finds a point
const BUCKETS = 512; // of depth, for drawing the far ones first
const EYE = 3; // distance of the eye, in radii of the cloud

function outline(context, shape, x, y, r) {
  context.beginPath();
  if (shape === "circle" || shape === "ring") {
    context.arc(x, y, shape === "ring" ? r * 0.8 : r, 0, 2 * Math.PI);
    return;
  }
  const corners = {
    square: [[-0.85, -0.85], [0.85, -0.85], [0.85, 0.85], [-0.85, 0.85]],
    diamond: [[0, -1.2], [1.2, 0], [0, 1.2], [-1.2, 0]],
    triangle: [[0, -1.1], [1.1, 0.9], [-1.1, 0.9]],
    wedge: [[-1.1, -0.9], [1.1, -0.9], [0, 1.1]],
    plus: [[-0.35, -1.1], [0.35, -1.1], [0.35, -0.35], [1.1, -0.35], [1.1, 0.35], [0.35, 0.35],
      [0.35, 1.1], [-0.35, 1.1], [-0.35, 0.35], [-1.1, 0.35], [-1.1, -0.35], [-0.35, -0.35]],
  };
  const turned = (u, v) => [(u - v) * Math.SQRT1_2, (u + v) * Math.SQRT1_2];
  const path = shape === "cross" ? corners.plus.map(([u, v]) => turned(u, v)) : corners[shape];
  for (const [u, v] of path) context.lineTo(x + r * u, y + r * v);
  context.closePath();
}

function drawSymbol(context, look, x, y, r) {
  outline(context, look.shape, x, y, r);
  if (look.shape === "ring") {
    context.lineWidth = r * 0.5;
    context.strokeStyle = look.colour;
    context.stroke();
    return;
  }
  context.fillStyle = look.colour;
  context.fill();
  context.lineWidth = Math.max(0.5, r * 0.12);
  context.strokeStyle = "rgba(255, 255, 255, 0.7)";
  context.stroke();
}

class Scene {
  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d");
    this.stamps = new Map();
    this.shown = new Int32Array(0);
    this.marked = []; // [point, colour, radius]
    this.home();
    this.measure();
  }

  home() {
    Object.assign(this, { yaw: 0.6, pitch: 0.4, zoom: 1, moved: [0, 0] });
  }

  measure() {
    const box = this.canvas.getBoundingClientRect();
    this.ratio = window.devicePixelRatio || 1;
    this.width = Math.max(1, box.width);
    this.height = Math.max(1, box.height);
    this.canvas.width = Math.round(this.width * this.ratio);
    this.canvas.height = Math.round(this.height * this.ratio);
    this.stamps.clear();
  }

  // Coordinates in units of the cloud's radius, around its middle; none in depth for a flat map.
  place(x, y, z) {
    const axes = z ? [x, y, z] : [x, y];
    const middle = axes.map((values) => {
      let [low, high] = [Infinity, -Infinity];
      for (const value of values) {
        if (value < low) low = value;
        if (value > high) high = value;
      }
      return [(low + high) / 2, (high - low) / 2];
    });
    const radius = Math.max(...middle.map(([, half]) => half)) || 1;
    this.points = axes.map((values, axis) => values.map((value) => (value - middle[axis][0]) / radius));
    this.flat = !z;
    this.sx = new Float32Array(x.length);
    this.sy = new Float32Array(x.length);
    this.depth = new Float32Array(x.length);
  }

  project() {
    const scale = (this.zoom * Math.min(this.width, this.height)) / (this.flat ? 2.15 : 2.6);
    const cx = this.width / 2 + this.moved[0];
    const cy = this.height / 2 + this.moved[1];
    const [sinY, cosY] = [Math.sin(this.yaw), Math.cos(this.yaw)];
    const [sinP, cosP] = [Math.sin(this.pitch), Math.cos(this.pitch)];
    const [x, y, z] = this.points;
    for (const i of this.shown) {
      let [across, up, near] = [x[i], y[i], 0];
      if (!this.flat) {
        across = x[i] * cosY - y[i] * sinY;
        const away = x[i] * sinY + y[i] * cosY;
        up = z[i] * cosP + away * sinP;
        near = z[i] * sinP - away * cosP;
      }
      const f = this.flat ? scale : (scale * EYE) / (EYE - near);
      this.sx[i] = cx + f * across;
      this.sy[i] = cy - f * up;
      this.depth[i] = near;
    }
  }

  // Shown points, the far ones first: counted into buckets, which costs less than a sort.
  order() {
    const count = new Int32Array(BUCKETS + 1);
    const bucket = (i) => Math.max(0, Math.min(BUCKETS - 1, ((this.depth[i] + 1.8) / 3.6) * BUCKETS)) | 0;
    for (const i of this.shown) count[bucket(i) + 1] += 1;
    for (let b = 0; b < BUCKETS; b += 1) count[b + 1] += count[b];
    const order = new Int32Array(this.shown.length);
    for (const i of this.shown) order[count[bucket(i)]++] = i;
    return order;
  }

  // The drawn symbols of a look, by twice their radius.
  stampsOf(look) {
    const key = `${look.colour} ${look.shape}`;
    if (!this.stamps.has(key)) this.stamps.set(key, []);
    return this.stamps.get(key);
  }

  stamp(look, radius) {
    const stamp = document.createElement("canvas");
    stamp.width = stamp.height = Math.ceil(2.8 * radius * this.ratio);
    const context = stamp.getContext("2d");
    context.scale(this.ratio, this.ratio);
    drawSymbol(context, look, stamp.width / this.ratio / 2, stamp.height / this.ratio / 2, radius);
    return stamp;
  }

  // looks: of each group; group: of each point; only: the group that stands out, or null.
  draw(looks, group, only) {
    this.project();
    const context = this.context;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, this.canvas.width, this.canvas.height);
    const order = this.flat ? this.shown : this.order();
    const radius = Math.min(9, Math.max(3, 2.6 * Math.sqrt(this.zoom) * (this.shown.length > 2000 ? 1.1 : 1.5)));
    const stamps = looks.map((look) => this.stampsOf(look));
    // Where a group stands out, all others come first, faintly.
    for (const faint of only === null ? [false] : [true, false]) {
      context.globalAlpha = faint ? 0.12 : 1;
      for (const i of order) {
        const its = group[i];
        if (only !== null && (its !== only) !== faint) continue;
        const size = Math.round(this.flat ? 2 * radius : (2 * radius * EYE) / (EYE - this.depth[i]));
        const stamp = stamps[its][size] || (stamps[its][size] = this.stamp(looks[its], size / 2));
        context.drawImage(stamp, this.sx[i] * this.ratio - stamp.width / 2, this.sy[i] * this.ratio - stamp.height / 2);
      }
    }
    context.globalAlpha = 1;
    context.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    for (const [point, colour, size] of this.marked) this.ring(point, colour, radius + size);
  }

  ring(point, colour, radius) {
    if (!this.visible || !this.visible[point]) return;
    for (const [width, ink] of [[4, "#fff"], [2, colour]]) {
      this.context.beginPath();
      this.context.arc(this.sx[point], this.sy[point], radius, 0, 2 * Math.PI);
      this.context.lineWidth = width;
      this.context.strokeStyle = ink;
      this.context.stroke();
    }
  }

  // The shown point under a pixel, of those within reach the nearest to the eye that is nearest to the pixel.
  at(px, py) {
    let [best, found] = [REACH * REACH, null];
    for (const i of this.shown) {
      const away = (this.sx[i] - px) ** 2 + (this.sy[i] - py) ** 2;
      if (away < best || (away === best && found !== null && this.depth[i] > this.depth[found])) {
        [best, found] = [away, i];
      }
    }
    return found;
  }

  turn(right, down) {
    if (this.flat) {
      this.moved = [this.moved[0] + 100 * right, this.moved[1] + 100 * down];
      return;
    }
    this.yaw += right;
    this.pitch = Math.max(-1.5, Math.min(1.5, this.pitch + down));
  }

  move(right, down) {
    this.moved = [this.moved[0] + right, this.moved[1] + down];
  }

  // Zoom so that what stands at a pixel stays there.
  nearer(factor, px = this.width / 2, py = this.height / 2) {
    const zoom = Math.max(0.3, Math.min(60, this.zoom * factor));
    const [cx, cy] = [px - this.width / 2, py - this.height / 2];
    const ratio = zoom / this.zoom;
    this.moved = [cx - (cx - this.moved[0]) * ratio, cy - (cy - this.moved[1]) * ratio];
    this.zoom = zoom;
  }
}
