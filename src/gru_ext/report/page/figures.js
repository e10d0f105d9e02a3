// SPDX-License-Identifier: MIT
// The other figures of the page: where the bits go, calibration, characters, samples, the curve.

function showBaselines(host) {
  const most = Math.max(...data.baselines.map(([, value]) => value), 1e-9);
  host.append(...data.baselines.map(([name, value], i) => {
    const ours = i === data.baselines.length - 1 ? "ours" : "";
    return make("li", { class: ours }, make("span", { class: "bar-name", text: name }),
      bar(value / most, ours), make("span", { class: "number", text: value.toFixed(2) }));
  }));
}

function showRanks(host) {
  const total = data.ranks.reduce((sum, each) => sum + each, 0);
  const names = ["first choice", "2nd to 5th", "6th to 10th", "later"];
  const stack = make("div", { class: "stack", role: "img", "aria-label": "ranks of the characters" });
  const entries = make("p", { class: "legend" });
  data.ranks.forEach((count, i) => {
    const part = make("span", { class: `k${i} part` });
    part.style.flexGrow = Math.max(count / total, 0.0001);
    stack.append(part);
    entries.append(make("span", { class: "legend-entry" }, make("span", { class: `swatch box k${i}` }),
      `${names[i]} `, make("b", { text: percent(count / total) })));
  });
  host.append(stack, entries);
}

function showClasses(host) {
  const most = Math.max(...data.classes.map((row) => row[2]));
  const all = data.classes.reduce((sum, row) => sum + row[1], 0);
  host.append(...data.classes.map(([name, number, mean, share]) =>
    make("tr", {}, make("th", { scope: "row", text: name }),
      make("td", { class: "wide" }, bar(mean / most)),
      make("td", { class: "number", text: mean.toFixed(2) }),
      make("td", { class: "number", text: percent(number / all) }),
      make("td", { class: "number", text: percent(share) }))));
}

function showPositions() {
  const titles = { line: "place in the line", word: "place in the word", document: "place in the document" };
  for (const [name, title] of Object.entries(titles)) {
    const host = find(`position-${name}`);
    const points = data.positions[name];
    if (!points || points.length < 2) {
      host.hidden = true;
      continue;
    }
    lineChart(host, {
      series: [{ name: title, className: "first", points, dots: name === "word" }],
      xLabel: title, yLabel: "bits per character", label: `bits by ${title}`, height: 230,
      hint: "Point at the curve to read it.",
      read: (_, [place, mean, count]) => `place ${place}: ${mean.toFixed(2)} bits, over ${grouped(count)} characters`,
    });
  }
}

function showCalibration(host) {
  const { every, likeliest } = data.calibration;
  const asPercent = (value) => `${Math.round(100 * value)}%`;
  lineChart(host, {
    series: [
      { name: "each character", className: "first", points: every, dots: true },
      { name: "the likeliest character", className: "second", points: likeliest, dots: true },
    ],
    xRange: [0, 1], yRange: [0, 1], diagonal: true, height: 340,
    xLabel: "probability that the model gave", yLabel: "how often it happened", label: "calibration curve",
    formats: { xFormat: asPercent, yFormat: asPercent },
    hint: "Point at a dot to read it.",
    read: (each, [p, happened, count]) =>
      `${each.name}: said ${percent(p)}, happened ${percent(happened)}, ${grouped(count)} predictions`,
  });
}

// Each character with its frequency in the text and in the sample, on logarithmic axes.
function showFrequencies(host) {
  const { rows, sampled } = data.frequencies;
  const least = 0.5 / sampled; // where a character is shown that the sample does not have
  onWidth(host, (width) => {
    const columns = width > 640 ? 2 : 1;
    const perColumn = Math.ceil(rows.length / columns);
    const [gap, axis] = [40, 34];
    const own = (width - gap * (columns - 1)) / columns;
    const height = perColumn * FREQUENCY_ROW + axis;
    const svg = draw("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": "character frequencies" });
    for (let column = 0; column < columns; column++) {
      const part = rows.slice(column * perColumn, (column + 1) * perColumn);
      if (part.length) drawFrequencies(svg, part, column * (own + gap), own, height - axis, least);
    }
    host.replaceChildren(svg);
  });
}

const FREQUENCY_ROW = 17;

function drawFrequencies(svg, rows, left, width, bottom, least) {
  const log = (value) => Math.log10(Math.max(value, least));
  const [low, high] = extent(rows.flatMap(([, text, ours]) => [log(text), log(ours)]));
  const x = linear([low - 0.05, high + 0.05], [left + 46, left + width - 12]);
  let last = -Infinity;
  for (let power = Math.floor(low); power <= high; power++) {
    for (const factor of [1, 2, 5]) {
      const at = x(Math.log10(factor) + power);
      if (at < x(low) || at > x(high) || at - last < 44) continue;
      last = at;
      svg.append(
        draw("line", { class: "grid", x1: at, x2: at, y1: 0, y2: bottom }),
        draw("text", { class: "tick", x: at, y: bottom + 14, "text-anchor": "middle", text: `${+(100 * factor * 10 ** power).toPrecision(1)}%` }));
    }
  }
  svg.append(draw("text", { class: "axis-label", x: left + (width + 34) / 2, y: bottom + 30, "text-anchor": "middle", text: "fraction of all characters" }));
  rows.forEach(([symbol, text, ours], i) => {
    const y = (i + 0.5) * FREQUENCY_ROW;
    const [a, b] = [x(log(text)), x(log(ours))];
    const escaped = symbols.isEscaped(symbol) ? " soft" : "";
    svg.append(draw("g", {},
      draw("title", { text: `${symbols.label(symbol)}: ${percent(text)} of the text, ${ours > 0 ? percent(ours) : "none"} of the sample` }),
      draw("rect", { class: "hit", x: left, y: y - FREQUENCY_ROW / 2, width, height: FREQUENCY_ROW }),
      draw("text", { class: `row-symbol${escaped}`, x: left + 30, y: y + 4.5, "text-anchor": "end", text: symbols.label(symbol) }),
      draw("line", { class: "span", x1: a, x2: b, y1: y, y2: y }),
      draw("circle", { class: "dot first", cx: a, cy: y, r: 4 }),
      draw("circle", { class: `dot hollow ${ours > 0 ? "second" : "none"}`, cx: b, cy: y, r: 4 })));
  });
}

function showNearest(host) {
  host.append(...data.nearest.map(([symbol, neighbours, cosines]) => {
    const list = neighbours.map((other, i) => {
      const element = symbolElement(other, `near${Math.max(0, Math.min(4, Math.floor(cosines[i] * 6)))}`);
      element.title = `cosine ${cosines[i].toFixed(2)}`;
      return element;
    });
    return make("li", {}, symbolElement(symbol, "key"), make("span", { class: "neighbours" }, ...list));
  }));
}

function showSamples(host) {
  for (const { temperature, symbols: packed } of data.samples) {
    const text = make("div", { class: "sample-text", dir: "auto", tabindex: "0" });
    for (const symbol of unpack(packed)) {
      if (symbol === symbols.newline) text.append("\n");
      else if (symbols.isEscaped(symbol)) text.append(make("span", { class: "escaped", text: symbols.shown[symbol] }));
      else text.append(symbols.shown[symbol]);
    }
    text.normalize();
    host.append(make("figure", { class: "sample" },
      make("figcaption", {}, "temperature ", make("b", { text: temperature.toFixed(1) })), text));
  }
}

function showCurve(host) {
  const { training, validation } = data.curve;
  if (!host || (!training.length && !validation.length)) return;
  lineChart(host, {
    series: [
      { name: "training", className: "first", points: training },
      { name: "validation", className: "second", points: validation, dots: true },
    ],
    xLabel: "characters seen in training", yLabel: "bits per character", label: "learning curve", height: 300,
    hint: "Point at a curve to read it.",
    read: (each, [x, y]) => `${each.name}: ${y.toFixed(3)} bits after ${grouped(x)} characters`,
  });
}
