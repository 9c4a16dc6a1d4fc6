"use strict";
// The page's controls: what is shown, the chosen point, its picture, map and neighbours, and the address.

const $ = (id) => document.getElementById(id);
const about = EXPLORER.about;
const data = unpacked(EXPLORER.columns);
const COUNT = data.row.length;
const NEAR = data.near.length / COUNT;
const RESULTS = ["wrong", "right"];
const result = data.label.map((label, i) => Number(label === data.predicted[i]));
// What a point may be filtered and coloured by: its value of each point, and the values' names.
const KINDS = {
  label: { of: data.label, names: about.classes, title: "Class" },
  dataset: { of: data.dataset, names: about.datasets, title: "Dataset" },
  result: { of: result, names: RESULTS, title: "Result" },
  predicted: { of: data.predicted, names: about.classes, title: "Prediction" },
};
const FILTERS = ["result", "dataset", "label"];
const MAPS = { umap3: ["umap3_x", "umap3_y", "umap3_z"], umap: ["umap_x", "umap_y"], tsne: ["tsne_x", "tsne_y"] };
const STEP = 0.15; // radians that a key turns the map

const state = { map: "umap3", colour: "label", chosen: null, target: null, only: null };
const off = { label: new Set(), dataset: new Set(), result: new Set() };
const found = new Map(); // point -> target -> {cells, method}
const asked = new Map(); // sheet, or point and class -> promise of its maps
const scene = new Scene($("canvas"));
let looks = [];
let hovered = null;
let waiting = false;
let written = ""; // what we wrote into the address last

function unpacked(columns) {
  const types = { Uint8Array, Int8Array, Int32Array, Float32Array };
  const found = {};
  for (const [name, { type, data }] of Object.entries(columns)) found[name] = new types[type](bytes(data).buffer);
  return found;
}

function bytes(text) {
  const raw = atob(text);
  const values = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i += 1) values[i] = raw.charCodeAt(i);
  return values;
}

function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

// ---- what is shown

function look(kind, place) {
  if (kind === "result") return [{ colour: "#d55e00", shape: "cross" }, { colour: "#0072b2", shape: "circle" }][place];
  const noise = (kind === "label" || kind === "predicted") && place === about.noise;
  return { colour: noise ? about.grey : about.colours[place % about.colours.length], shape: SHAPES[place % SHAPES.length] };
}

function show() {
  const shown = [];
  const visible = new Uint8Array(COUNT);
  for (let i = 0; i < COUNT; i += 1) {
    if (FILTERS.some((kind) => off[kind].has(KINDS[kind].of[i]))) continue;
    visible[i] = 1;
    shown.push(i);
  }
  scene.shown = Int32Array.from(shown);
  scene.visible = visible;
  $("count").textContent = `${shown.length.toLocaleString("en")} of ${COUNT.toLocaleString("en")} points are shown`;
  for (const kind of FILTERS) tell(kind);
  draw();
}

// How many points a filter's entry has among those that the other filters let through.
function tell(kind) {
  const counts = new Array(KINDS[kind].names.length).fill(0);
  const others = FILTERS.filter((one) => one !== kind);
  for (let i = 0; i < COUNT; i += 1) {
    if (!others.some((one) => off[one].has(KINDS[one].of[i]))) counts[KINDS[kind].of[i]] += 1;
  }
  $(kind).querySelectorAll(".number").forEach((cell, place) => { cell.textContent = counts[place]; });
}

function draw() {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => {
    waiting = false;
    const { of } = KINDS[state.colour];
    scene.marked = [];
    if (state.chosen !== null) {
      for (const point of neighbours(state.chosen)) scene.marked.push([point, "#767676", 2]);
      scene.marked.push([state.chosen, "#000", 4]);
    }
    if (hovered !== null && hovered !== state.chosen) scene.marked.push([hovered, "#444", 3]);
    scene.draw(looks, of, state.only);
    if (!performance.getEntriesByName("drawn").length) performance.mark("drawn");
  });
}

function recolour() {
  looks = KINDS[state.colour].names.map((_, place) => look(state.colour, place));
  state.only = null;
  for (const kind of FILTERS) {
    const colours = kind === state.colour || (kind === "label" && state.colour === "predicted");
    $(kind).querySelectorAll("canvas").forEach((swatch, place) => {
      swatch.hidden = !colours;
      const context = swatch.getContext("2d");
      context.clearRect(0, 0, 32, 32);
      if (colours) drawSymbol(context, looks[place], 16, 16, 11);
    });
  }
  draw();
}

function remap() {
  scene.place(...MAPS[state.map].map((name) => data[name]));
  scene.home();
  draw();
}

function fillFilter(kind) {
  const { names, title } = KINDS[kind];
  const box = $(kind);
  const buttons = element("p", { className: "row" });
  for (const [word, keep] of [["All", true], ["None", false]]) {
    const button = element("button", { type: "button", textContent: word, ariaLabel: `${title}: ${word.toLowerCase()}` });
    button.addEventListener("click", () => {
      off[kind] = new Set(keep ? [] : names.keys());
      refilter();
    });
    buttons.append(button);
  }
  box.append(buttons);
  names.forEach((name, place) => {
    const input = element("input", { type: "checkbox", checked: true });
    const swatch = element("canvas", { width: 32, height: 32, ariaHidden: "true" });
    const entry = element("label", { className: "entry" }, input, swatch, name, element("span", { className: "number" }));
    input.addEventListener("change", () => {
      off[kind][input.checked ? "delete" : "add"](place);
      refilter();
    });
    const alone = (on) => () => {
      const matches = kind === state.colour || (kind === "label" && state.colour === "predicted");
      state.only = on && matches ? place : null;
      draw();
    };
    entry.addEventListener("pointerenter", alone(true));
    entry.addEventListener("pointerleave", alone(false));
    input.addEventListener("focus", alone(true));
    input.addEventListener("blur", alone(false));
    box.append(entry);
  });
}

function tick() {
  for (const kind of FILTERS) {
    $(kind).querySelectorAll("input").forEach((input, place) => { input.checked = !off[kind].has(place); });
  }
}

function refilter() {
  tick();
  show();
  remember();
}

// ---- one point

function neighbours(point) {
  return data.near.subarray(point * NEAR, (point + 1) * NEAR);
}

function sheetOf(point) {
  const inside = point % (about.across * about.across);
  return [Math.floor(point / (about.across * about.across)), Math.floor(inside / about.across), inside % about.across];
}

function paint(box, point) {
  const [sheet, row, column] = sheetOf(point);
  const last = about.across - 1;
  Object.assign(box.style, {
    aspectRatio: `${about.width} / ${about.height}`,
    backgroundImage: `url("sheets/${sheet}.webp")`,
    backgroundSize: `${about.across * 100}% ${about.across * 100}%`,
    backgroundPosition: `${(100 * column) / last}% ${(100 * row) / last}%`,
  });
}

function inWords(point) {
  const right = result[point] ? "right" : "wrong";
  return `Row ${data.row[point]} of ${about.datasets[data.dataset[point]]}: ${about.classes[data.label[point]]}, ` +
    `taken for ${about.classes[data.predicted[point]]} (${right}), score ${data.score[point].toFixed(3)}.`;
}

function time(point) {
  if (data.second[point] < 0) return "not known";
  return `${data.second[point]}.${String(data.nanosecond[point]).padStart(9, "0").slice(0, 3)} s`;
}

function facts(point) {
  const names = about.ifos[data.dataset[point]];
  const ifo = data.ifo[point] >= 0 ? names[data.ifo[point]] : about.single[data.dataset[point]] ? "not known" : names.join(", ");
  return [
    ["Label", about.classes[data.label[point]]],
    ["Prediction", about.classes[data.predicted[point]], result[point] ? "" : "wrong"],
    ["Score", data.score[point].toFixed(4)],
    ["Dataset", about.datasets[data.dataset[point]]],
    ["Row", data.row[point]],
    ["SNR", Number.isNaN(data.snr[point]) ? "none" : data.snr[point].toFixed(2)],
    ["GPS time", time(point)],
    ["Ifo", ifo],
  ];
}

// Show a point in the panel; one that is merely pointed at is not read aloud.
function fill(point) {
  $("chosen").hidden = point === null;
  if (point === null) return;
  paint($("picture"), point);
  $("picture").setAttribute("aria-label", `Picture of ${inWords(point)}`);
  $("facts").replaceChildren(...facts(point).flatMap(([name, value, mark = ""]) => [
    element("dt", { textContent: name }), element("dd", { textContent: value, className: mark }),
  ]));
  $("near").replaceChildren(...Array.from(neighbours(point), (other) => {
    const thumb = element("button", { type: "button", title: inWords(other), ariaLabel: inWords(other) });
    thumb.className = result[other] ? "" : "wrong";
    paint(thumb, other);
    thumb.addEventListener("click", () => choose(other));
    const caption = element("span", { className: "caption", textContent: about.classes[data.label[other]], ariaHidden: "true" });
    return element("div", {}, thumb, caption);
  }));
  showMap(point);
}

function choose(point) {
  state.chosen = point;
  state.target = null;
  hovered = null;
  $("said").textContent = point === null ? "No point is chosen." : inWords(point);
  if (point !== null) {
    $("where").value = data.dataset[point];
    $("row").value = data.row[point];
  }
  fill(point);
  draw();
  remember();
}

function step(by) {
  const { shown } = scene;
  if (!shown.length) return;
  if (state.chosen === null) return void choose(by > 0 ? shown[0] : shown[shown.length - 1]);
  // The chosen point may be filtered out: then its place is between two that are shown.
  const after = shown.findIndex((i) => i >= state.chosen);
  const place = after < 0 ? shown.length : after;
  const next = by > 0 && shown[place] !== state.chosen ? place : place + by;
  choose(shown[(next + shown.length) % shown.length]);
}

function pointOf(dataset, row) {
  for (let i = 0; i < COUNT; i += 1) if (data.dataset[i] === dataset && data.row[i] === row) return i;
  return null;
}

// ---- its maps

EXPLORER.maps.arrived = (sheet, its) => {
  const cells = bytes(its.cells);
  const size = about.cells[0] * about.cells[1];
  its.points.forEach((point, i) => {
    if (!found.has(point)) found.set(point, new Map());
    found.get(point).set(its.targets[i], { cells: cells.subarray(i * size, (i + 1) * size), method: its.methods[i] });
  });
};

// A script instead of a request: pages from disk may load the one and not the other.
function load(sheet) {
  if (!asked.has(sheet)) {
    asked.set(sheet, new Promise((resolve) => {
      document.head.append(element("script", { src: `maps/${sheet}.js`, onload: resolve, onerror: resolve }));
    }));
  }
  return asked.get(sheet);
}

// Ask the living page for the maps of all classes of a point.
function compute(point) {
  const key = `point ${point}`;
  if (!asked.has(key)) {
    asked.set(key, fetch(`map?point=${point}`).then(async (answer) => {
      const its = await answer.json();
      if (!answer.ok) throw new Error(its.error);
      EXPLORER.maps.arrived(null, its);
    }).catch((error) => {
      asked.delete(key);
      throw error;
    }));
  }
  return asked.get(key);
}

async function showMap(point) {
  const target = state.target === null || point !== state.chosen ? data.predicted[point] : state.target;
  if (data.maps[point]) await load(sheetOf(point)[0]);
  if (current() !== point) return; // another one was chosen in the meantime
  let known = found.get(point) || new Map();
  const list = about.live ? about.classes.map((_, place) => place) : [...new Set([data.predicted[point], ...known.keys()])];
  $("target").replaceChildren(...list.map((place) => element("option", { value: place, textContent: about.classes[place] })));
  $("target").value = target;
  const mine = () => current() === point && Number($("target").value) === target;
  if (about.live && !known.has(target) && state.chosen === point) {
    overlay(null, "The map is being computed.");
    try {
      await compute(point);
    } catch (error) {
      if (mine()) overlay(null, `The map could not be computed: ${error.message}`);
      return;
    }
    if (!mine()) return;
    known = found.get(point);
  }
  const one = known.get(target);
  overlay(one ? one.cells : null, one ? `${one.method} for ${about.classes[target]}` : `Map for ${about.classes[target]}: not computed`);
}

function current() {
  return hovered === null ? state.chosen : hovered;
}

// Black, red, white: the brighter, the more of a map. Where it is zero the picture is dimmed.
function overlay(cells, words) {
  const canvas = $("overlay");
  $("map-told").textContent = words;
  canvas.hidden = cells === null;
  if (cells === null) return;
  const [rows, columns] = about.cells;
  canvas.width = columns;
  canvas.height = rows;
  const image = new ImageData(columns, rows);
  cells.forEach((value, place) => {
    const row = about.upward ? rows - 1 - Math.floor(place / columns) : Math.floor(place / columns);
    const part = value / 255;
    const warm = part < 0.5 ? [426 * part, 188 * part, 0] : [213 + 84 * (part - 0.5), 94 + 322 * (part - 0.5), 510 * (part - 0.5)];
    image.data.set([...warm, 255], 4 * (row * columns + (place % columns)));
  });
  canvas.getContext("2d").putImageData(image, 0, 0);
  const [[top, bottom], [left, right]] = about.reach;
  Object.assign(canvas.style, {
    left: `${100 * left}%`,
    width: `${100 * (right - left)}%`,
    top: `${100 * (about.upward ? 1 - bottom : top)}%`,
    height: `${100 * (bottom - top)}%`,
    opacity: $("strength").value / 100,
  });
}

// ---- the address

function remember() {
  const parts = new URLSearchParams();
  if (state.chosen !== null) {
    parts.set("dataset", about.datasets[data.dataset[state.chosen]]);
    parts.set("row", data.row[state.chosen]);
  }
  if (state.target !== null) parts.set("target", about.classes[state.target]);
  if (state.map !== "umap3") parts.set("map", state.map);
  if (state.colour !== "label") parts.set("colour", state.colour);
  for (const kind of FILTERS) {
    const names = [...off[kind]].sort((a, b) => a - b).map((place) => KINDS[kind].names[place]);
    if (names.length) parts.set(`without_${kind}`, names.join(","));
  }
  written = String(parts);
  if (location.hash.slice(1) !== written) location.replace(`#${written}`);
}

function recall() {
  const parts = new URLSearchParams(location.hash.slice(1));
  state.map = parts.get("map") in MAPS ? parts.get("map") : "umap3";
  state.colour = parts.get("colour") in KINDS ? parts.get("colour") : "label";
  for (const kind of FILTERS) {
    const names = (parts.get(`without_${kind}`) || "").split(",");
    off[kind] = new Set([...KINDS[kind].names.keys()].filter((place) => names.includes(KINDS[kind].names[place])));
  }
  $("map").value = state.map;
  $("colour").value = state.colour;
  tick();
  remap();
  recolour();
  show();
  const target = about.classes.indexOf(parts.get("target"));
  if (!parts.has("row") && state.chosen !== null) choose(null);
  if (parts.has("row")) seek(about.datasets.indexOf(parts.get("dataset")), Number(parts.get("row")), parts.get("dataset"));
  if (target >= 0 && state.chosen !== null) aim(target);
}

function seek(dataset, row, name) {
  const point = pointOf(dataset, row);
  if (point !== null) return void choose(point);
  $("said").textContent = `Row ${row} of ${name} is not among these points.`;
}

function aim(target) {
  state.target = target;
  hovered = null;
  if (state.chosen !== null) showMap(state.chosen);
  remember();
}

// ---- what a person does

function save() {
  const names = ["dataset", "row", "label", "predicted", "score", "snr", "gps_second", "gps_nanosecond", ...Object.values(MAPS).flat()];
  const lines = Array.from(scene.shown, (i) => [
    about.datasets[data.dataset[i]], data.row[i], about.classes[data.label[i]], about.classes[data.predicted[i]],
    data.score[i], Number.isNaN(data.snr[i]) ? "" : data.snr[i],
    ...(data.second[i] < 0 ? ["", ""] : [data.second[i], data.nanosecond[i]]),
    ...Object.values(MAPS).flat().map((name) => data[name][i]),
  ].join(","));
  const url = URL.createObjectURL(new Blob([[names.join(","), ...lines, ""].join("\n")], { type: "text/csv" }));
  element("a", { href: url, download: "points.csv" }).click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}

function point(event) {
  const box = $("canvas").getBoundingClientRect();
  return [event.clientX - box.left, event.clientY - box.top];
}

function watchCanvas() {
  const canvas = $("canvas");
  let held = null;
  canvas.addEventListener("pointerdown", (event) => {
    held = { x: event.clientX, y: event.clientY, far: false };
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!held) return hover(scene.at(...point(event)));
    const [right, down] = [event.clientX - held.x, event.clientY - held.y];
    if (!held.far && Math.hypot(right, down) < 4) return;
    if (event.shiftKey || scene.flat) scene.move(right, down);
    else scene.turn(right / 150, down / 150);
    held = { x: event.clientX, y: event.clientY, far: true };
    draw();
  });
  canvas.addEventListener("pointerup", (event) => {
    const clicked = held && !held.far ? scene.at(...point(event)) : null;
    held = null;
    if (clicked !== null) choose(clicked);
  });
  canvas.addEventListener("pointercancel", () => { held = null; });
  canvas.addEventListener("pointerleave", () => hover(null));
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    scene.nearer(Math.exp(-event.deltaY / 500), ...point(event));
    draw();
  }, { passive: false });
  canvas.addEventListener("keydown", press);
}

function hover(now) {
  if (now === hovered) return;
  hovered = now;
  fill(current());
  draw();
}

function press(event) {
  const turns = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] };
  const steps = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 };
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  if (event.key in turns && event.shiftKey) scene.turn(...turns[event.key]);
  else if (event.key in steps) step(steps[event.key]);
  else if (event.key === "+" || event.key === "=") scene.nearer(1.25);
  else if (event.key === "-") scene.nearer(0.8);
  else if (event.key === "Enter" && hovered !== null) choose(hovered);
  else if (event.key === "Escape") choose(null);
  else return;
  event.preventDefault();
  draw();
}

function watch() {
  const on = (id, kind, act) => $(id).addEventListener(kind, act);
  on("map", "change", () => { state.map = $("map").value; remap(); remember(); });
  on("colour", "change", () => { state.colour = $("colour").value; recolour(); remember(); });
  on("export", "click", save);
  on("reset", "click", () => { scene.home(); draw(); });
  on("nearer", "click", () => { scene.nearer(1.25); draw(); });
  on("further", "click", () => { scene.nearer(0.8); draw(); });
  on("previous", "click", () => step(-1));
  on("next", "click", () => step(1));
  on("let-go", "click", () => choose(null));
  on("target", "change", () => aim(Number($("target").value)));
  on("strength", "input", () => { $("overlay").style.opacity = $("strength").value / 100; });
  on("search", "submit", (event) => {
    event.preventDefault();
    seek(Number($("where").value), Number($("row").value), about.datasets[Number($("where").value)]);
  });
  // Our own words in the address come back as an event: they say nothing new.
  window.addEventListener("hashchange", () => { if (location.hash.slice(1) !== written) recall(); });
  window.addEventListener("resize", () => { scene.measure(); draw(); });
  watchCanvas();
}

function start() {
  document.title = `${about.title}: explorer`;
  $("title").textContent = about.title;
  $("about").textContent = about.words;
  $("where").replaceChildren(...about.datasets.map((name, place) => element("option", { value: place, textContent: name })));
  for (const kind of FILTERS) fillFilter(kind);
  watch();
  recall();
}

start();
