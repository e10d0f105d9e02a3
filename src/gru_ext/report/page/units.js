// SPDX-License-Identifier: MIT
// Units over the text: what a state or a gate of the model does while it reads.

const VARIABLES = ["h", "z", "r"];
const VARIABLE_NAMES = ["state h", "update gate z", "reset gate r"];

const units = {
  ...data.units,
  activations: unpack(data.units.activations),
  separations: unpack(data.units.separations),

  // The code of an activation, 0 to 254.
  code(variable, unit, t) {
    return this.activations[(variable * this.kept.length + unit) * this.window + t];
  },
  // The activation: from -1 to 1 for a state, from 0 to 1 for a gate.
  value(variable, unit, t) {
    const code = this.code(variable, unit, t);
    return variable === 0 ? (code - 127) / 127 : code / 254;
  },
  separation(variable, unit, feature) {
    return this.separations[(variable * this.kept.length + unit) * this.features.length + feature] / 100;
  },
  layer(unit) {
    return Math.floor(this.kept[unit] / this.size) + 1;
  },
  // The name of a unit: h17, or h2·17 in the second of several layers.
  name(variable, unit) {
    const own = this.kept[unit] % this.size;
    return VARIABLES[variable] + (this.layers > 1 ? `${this.layer(unit)}·${own}` : own);
  },
};

function activationClass(code) {
  const x = (code - 127) / 127;
  const strength = Math.round(Math.abs(x) * 8);
  return strength === 0 ? "" : `${x < 0 ? "n" : "p"}${strength}`;
}

// Spearman's ρ of a number; of a property the AUC, and whether the unit is high or low there.
function statistic(feature, separation) {
  const size = Math.abs(separation);
  if (feature.graded) return `${separation < 0 ? "−" : ""}${size.toFixed(2)}`;
  return `${((1 + size) / 2).toFixed(2)}${separation < 0 ? "↓" : "↑"}`;
}

// The unit that is shown first: one that counts or remembers rather than one that sees a character.
function firstUnit() {
  const liked = ["inside quotes", "inside brackets", "position in the line"];
  const places = units.features.map((feature, i) => ({ i, order: liked.indexOf(feature.name) }));
  const known = places.filter(({ order }) => order >= 0).sort((a, b) => a.order - b.order);
  const clear = known.find(({ i }) => Math.abs(units.separation(...units.ranked[i][0], i)) >= 0.5);
  const chosen = clear ?? places[0];
  return chosen ? units.ranked[chosen.i][0] : [0, 0];
}

function activationLegend(variable) {
  const [low, middle, high] = variable === 0 ? ["−1", "0", "1"] : ["0", "0.5", "1"];
  const step = (className, text = "") => make("span", { class: `scale-step ${className}`, text });
  return [make("span", { class: "scale-title", text: variable === 0 ? "state" : "gate" }),
    step("n8", low), step("n6"), step("n4"), step("n2"), step("", middle),
    step("p2"), step("p4"), step("p6"), step("p8", high)];
}

function showUnits() {
  const state = { variable: 0, unit: 0, t: 0 };
  [state.variable, state.unit] = firstUnit();

  const view = new TextView(find("unit-view"), {
    text: passage.symbols,
    length: units.window,
    paint: (t) => activationClass(units.code(state.variable, state.unit, t)),
    point: (t) => {
      state.t = t;
      showHere();
    },
  });

  const layer = find("layer");
  const unit = find("unit");
  for (let each = 1; each <= units.layers; each++) {
    layer.append(make("option", { value: each, text: `layer ${each}` }));
  }
  find("layer-choice").hidden = units.layers === 1;
  const inLayer = (number) => units.kept.map((_, i) => i).filter((i) => units.layer(i) === number);

  function choose(variable, chosen) {
    Object.assign(state, { variable, unit: chosen });
    const own = units.layer(chosen);
    layer.value = own;
    unit.replaceChildren(...inLayer(own).map((i) =>
      make("option", { value: i, text: `${units.kept[i] % units.size}` })));
    unit.value = chosen;
    find(`variable-${VARIABLES[variable]}`).checked = true;
    for (const button of document.querySelectorAll(".unit-button")) {
      const same = button.variable === variable && button.unit === chosen;
      button.setAttribute("aria-pressed", same);
    }
    find("unit-scale").replaceChildren(...activationLegend(variable));
    view.repaint();
    showHere();
    showFollows(state);
  }

  function showHere() {
    const value = units.value(state.variable, state.unit, state.t);
    find("unit-here").replaceChildren(
      make("b", { text: units.name(state.variable, state.unit) }), " = ",
      make("b", { class: `value ${activationClass(units.code(state.variable, state.unit, state.t))}`,
        text: `${value < 0 ? "−" : ""}${Math.abs(value).toFixed(2)}` }),
      " after ", symbolElement(passage.symbols[state.t]));
    showTrace(state);
    paintGrid(state);
    showMoments(state, view);
  }

  layer.addEventListener("change", () => {
    const own = inLayer(Number(layer.value));
    if (own.length) choose(state.variable, own[0]);
    else layer.value = units.layer(state.unit); // none of that layer is kept
  });
  unit.addEventListener("change", () => choose(state.variable, Number(unit.value)));
  VARIABLES.forEach((name, variable) => {
    find(`variable-${name}`).addEventListener("change", () => choose(variable, state.unit));
  });
  const step = (by) => () => choose(state.variable, (state.unit + by + units.kept.length) % units.kept.length);
  find("previous-unit").addEventListener("click", step(-1));
  find("next-unit").addEventListener("click", step(1));

  showRanking(choose);
  makeGrid(state, choose);
  choose(state.variable, state.unit);
  view.moveTo(Math.min(60, units.window - 1));
}

// For each property of the text the units that follow it best.
function showRanking(choose) {
  const host = find("ranking");
  if (!units.features.length) {
    host.append(make("p", { class: "soft", text: "This text has none of the properties often enough." }));
  }
  units.features.forEach((feature, i) => {
    const buttons = units.ranked[i].map(([variable, unit]) => {
      const separation = units.separation(variable, unit, i);
      const button = make("button", {
        type: "button", class: "unit-button", "aria-pressed": "false",
        on: { click: () => choose(variable, unit) },
      }, make("b", { text: units.name(variable, unit) }),
      make("span", { text: statistic(feature, separation) }));
      Object.assign(button, { variable, unit });
      return button;
    });
    const share = feature.graded ? "rank correlation ρ" : `AUC; ${percent(feature.fraction)} of the characters`;
    const states = buttons.filter((button) => button.variable === 0);
    const gates = buttons.filter((button) => button.variable !== 0);
    host.append(make("div", { class: "ranked" },
      make("p", { class: "ranked-name" }, make("b", { text: feature.name }), make("span", { class: "soft", text: share })),
      make("div", { class: "unit-buttons" }, ...states), make("div", { class: "unit-buttons" }, ...gates)));
  });
}

// What the chosen unit follows: a bar to the right where it is high, to the left where it is low.
function showFollows({ variable, unit }) {
  const rows = units.features
    .map((feature, i) => ({ feature, separation: units.separation(variable, unit, i) }))
    .sort((a, b) => Math.abs(b.separation) - Math.abs(a.separation));
  find("follows").replaceChildren(...rows.map(({ feature, separation }) => {
    const inner = make("span", { class: separation < 0 ? "low" : "high" });
    inner.style.width = `${50 * Math.abs(separation)}%`;
    return make("li", {}, make("span", { text: feature.name }),
      make("span", { class: "both-ways" }, inner),
      make("span", { class: "number", text: `${feature.graded ? "ρ" : "AUC"} ${statistic(feature, separation)}` }));
  }));
  find("follows-name").textContent = `${VARIABLE_NAMES[variable]} of unit ${units.name(variable, unit).slice(1)}`;
}

const TRACE = 72; // characters of the trace, half of them before the cursor

function showTrace({ variable, unit, t }) {
  const host = find("trace");
  const width = Math.max(200, host.clientWidth);
  const [height, top] = [92, 6];
  const bottom = height - 20;
  const count = Math.min(TRACE, units.window, Math.max(20, Math.floor(width / 9)));
  const first = Math.max(0, Math.min(units.window - count, t - (count >> 1)));
  const step = width / count;
  const least = variable === 0 ? -1 : 0;
  const y = linear([least, 1], [bottom, top]);
  const svg = draw("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": "activation around the cursor" });
  const middle = variable === 0 ? 0 : 0.5;
  svg.append(draw("rect", { class: "trace-cursor", x: (t - first) * step, y: 0, width: step, height }),
    draw("line", { class: "grid", x1: 0, x2: width, y1: y(middle), y2: y(middle) }));
  for (let i = 0; i < count; i++) {
    const value = units.value(variable, unit, first + i);
    const from = Math.min(y(middle), y(value));
    svg.append(draw("rect", {
      class: value < middle ? "trace-low" : "trace-high", x: i * step + 0.5, y: from,
      width: Math.max(1, step - 1), height: Math.max(1, Math.abs(y(value) - y(middle))),
    }));
    const symbol = passage.symbols[first + i];
    const shown = symbols.shown[symbol];
    svg.append(draw("text", {
      class: symbols.isEscaped(symbol) ? "trace-symbol soft" : "trace-symbol", x: (i + 0.5) * step, y: height - 6,
      "text-anchor": "middle", text: shown.length > 2 ? "·" : shown,
    }));
  }
  host.replaceChildren(svg);
}

// All units at the cursor, a cell each.
function makeGrid(state, choose) {
  const host = find("unit-grid");
  host.classList.add(units.kept.length <= 200 ? "loose" : units.kept.length <= 450 ? "dense" : "denser");
  units.kept.forEach((_, unit) => {
    const cell = make("button", { type: "button", tabindex: "-1", on: { click: () => choose(state.variable, unit) } });
    cell.unit = unit;
    host.append(cell);
  });
}

function paintGrid({ variable, unit, t }) {
  for (const cell of find("unit-grid").children) {
    const name = units.name(variable, cell.unit);
    const value = units.value(variable, cell.unit, t).toFixed(2);
    cell.className = `${activationClass(units.code(variable, cell.unit, t))}${cell.unit === unit ? " chosen" : ""}`;
    cell.title = `${name} = ${value}`;
    cell.setAttribute("aria-label", cell.title);
  }
}
