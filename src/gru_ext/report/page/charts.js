// SPDX-License-Identifier: MIT
// Charts as SVG: axes, and curves whose points can be read off with the pointer.

function niceTicks(low, high, count) {
  const raw = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = power * [1, 2, 5, 10].find((factor) => factor * power >= raw);
  const ticks = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + 1e-9 * step; i++) {
    ticks.push(+(i * step).toPrecision(12));
  }
  return ticks;
}

function linear(from, to) {
  const scale = (value) => to[0] + ((value - from[0]) / (from[1] - from[0])) * (to[1] - to[0]);
  scale.from = from;
  return scale;
}

function extent(values) {
  let low = Infinity;
  let high = -Infinity;
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return [low, high];
}

const MARGIN = { left: 46, right: 20, top: 12, bottom: 42 };

// Axes with grid lines. Labels are words; the y label stands above the axis, where it can be read.
function axes(svg, { width, height, x, y, xLabel, yLabel, xFormat = short, yFormat = short }) {
  const bottom = height - MARGIN.bottom;
  for (const tick of niceTicks(...y.from, Math.max(2, Math.floor((bottom - MARGIN.top) / 42)))) {
    const at = Math.round(y(tick)) + 0.5;
    svg.append(
      draw("line", { class: "grid", x1: MARGIN.left, x2: width - MARGIN.right, y1: at, y2: at }),
      draw("text", { class: "tick", x: MARGIN.left - 7, y: at + 4, "text-anchor": "end", text: yFormat(tick) }),
    );
  }
  for (const tick of niceTicks(...x.from, Math.max(2, Math.floor(width / 64)))) {
    const at = Math.round(x(tick)) + 0.5;
    svg.append(
      draw("line", { class: "axis", x1: at, x2: at, y1: bottom, y2: bottom + 4 }),
      draw("text", { class: "tick", x: at, y: bottom + 17, "text-anchor": "middle", text: xFormat(tick) }),
    );
  }
  svg.append(
    draw("line", { class: "axis", x1: MARGIN.left, x2: width - MARGIN.right, y1: bottom + 0.5, y2: bottom + 0.5 }),
    draw("text", {
      class: "axis-label", x: (MARGIN.left + width - MARGIN.right) / 2, y: height - 6,
      "text-anchor": "middle", text: xLabel,
    }),
    draw("text", { class: "axis-label", x: 0, y: 2, dy: "0.6em", text: yLabel }),
  );
}

// Curves over common axes.
//   series: [{name, className, points: [[x, y, ...]], dots}]
//   read(series, point): the line that is shown for the point next to the pointer.
function lineChart(host, options) {
  const { series, xLabel, yLabel, read, height = 260, label } = options;
  const used = series.filter((each) => each.points.length);
  const xs = used.flatMap((each) => each.points.map((point) => point[0]));
  const ys = used.flatMap((each) => each.points.map((point) => point[1]));
  const xRange = options.xRange ?? extent(xs);
  const yRange = options.yRange ?? extent(ys);
  if (xRange[0] === xRange[1]) xRange[1] += 1;
  if (!options.yRange) {
    const space = (yRange[1] - yRange[0] || 1) * 0.08;
    yRange[0] = Math.max(0, yRange[0] - space);
  }
  const place = make("div", { class: "chart" });
  const readout = make("p", { class: "readout", text: options.hint ?? "" });
  host.append(legend(used), place, readout);
  onWidth(place, (width) => {
    const x = linear(xRange, [MARGIN.left, width - MARGIN.right]);
    const y = linear(yRange, [height - MARGIN.bottom, MARGIN.top + 16]);
    const svg = draw("svg", {
      viewBox: `0 0 ${width} ${height}`, class: "line-chart", role: "img", "aria-label": label,
    });
    axes(svg, { width, height, x, y, xLabel, yLabel, ...options.formats });
    if (options.diagonal) {
      svg.append(draw("line", {
        class: "diagonal", x1: x(xRange[0]), y1: y(xRange[0]), x2: x(xRange[1]), y2: y(xRange[1]),
      }));
    }
    for (const each of used) {
      const path = each.points.map((point) => `${x(point[0]).toFixed(1)},${y(point[1]).toFixed(1)}`);
      svg.append(draw("polyline", { class: `curve ${each.className}`, points: path.join(" ") }));
      if (each.dots || each.points.length === 1) {
        for (const point of each.points) {
          svg.append(draw("circle", { class: `dot ${each.className}`, cx: x(point[0]), cy: y(point[1]), r: 3.2 }));
        }
      }
    }
    const mark = draw("circle", { class: "mark", r: 5, visibility: "hidden" });
    svg.append(mark);
    svg.addEventListener("pointermove", (event) => {
      const box = svg.getBoundingClientRect();
      const at = [event.clientX - box.left, event.clientY - box.top];
      let nearest = null;
      for (const each of used) {
        for (const point of each.points) {
          const distance = Math.hypot(x(point[0]) - at[0], (y(point[1]) - at[1]) / 3);
          if (nearest === null || distance < nearest.distance) nearest = { distance, each, point };
        }
      }
      mark.setAttribute("cx", x(nearest.point[0]));
      mark.setAttribute("cy", y(nearest.point[1]));
      mark.setAttribute("visibility", "visible");
      readout.textContent = read(nearest.each, nearest.point);
    });
    place.replaceChildren(svg);
  });
}

function legend(series) {
  const named = series.filter((each) => each.name);
  if (named.length < 2) return make("span");
  return make("p", { class: "legend" }, ...named.map((each) =>
    make("span", { class: "legend-entry" },
      make("span", { class: `swatch ${each.className}` }), each.name)));
}
