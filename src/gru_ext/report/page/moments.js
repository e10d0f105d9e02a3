// SPDX-License-Identifier: MIT
// Moments like the one at the cursor: the places where the states of a layer are nearest to those.

const MOMENTS = 6;
const APART = 8; // characters between two moments that are listed
const LONGEST = 52; // characters of the text that are shown around a moment

// The mean difference of the states between the place t and each place, over the units of a layer.
function stateDistances(layer, t) {
  const sums = new Float64Array(units.window);
  let count = 0;
  units.kept.forEach((_, unit) => {
    if (units.layer(unit) !== layer) return;
    const row = units.activations.subarray(unit * units.window, (unit + 1) * units.window);
    const own = row[t];
    for (let i = 0; i < row.length; i++) sums[i] += Math.abs(row[i] - own);
    count++;
  });
  return sums.map((sum) => sum / (127 * count));
}

// The places with the smallest distances, none of them near the cursor or near another.
function nearestMoments(distances, t) {
  const order = Array.from(distances.keys()).sort((a, b) => distances[a] - distances[b] || a - b);
  const found = [];
  for (const place of order) {
    if (found.length === MOMENTS) break;
    if ([t, ...found].every((other) => Math.abs(other - place) >= APART)) found.push(place);
  }
  return found;
}

function showMoments({ unit, t }, view) {
  const layer = units.layer(unit);
  const distances = stateDistances(layer, t);
  find("moment-layer").textContent = `layer ${layer}`;
  const room = Math.floor((find("moments").clientWidth - 70) / 8);
  const before = Math.floor(0.6 * Math.max(10, Math.min(LONGEST, room)));
  const after = Math.floor(before / 2);
  const rows = [t, ...nearestMoments(distances, t)].map((place, i) => {
    const line = make("span", { class: "line-text moment" });
    for (let at = place - before; at <= place + after; at++) {
      const inside = at >= 0 && at < passage.symbols.length;
      const symbol = passage.symbols[at];
      line.append(make("span", {
        class: `${at === place ? "cursor" : at > place ? "soft" : ""}${inside && symbols.isEscaped(symbol) ? " escaped" : ""}`,
        text: inside ? symbols.shown[symbol] : " ",
      }));
    }
    const go = make("button", {
      type: "button", class: "go", text: i === 0 ? "here" : distances[place].toFixed(2),
      "aria-label": i === 0 ? "the moment at the cursor" : `show the moment at distance ${distances[place].toFixed(2)}`,
      on: { click: () => { view.moveTo(place, true); view.host.focus(); } },
    });
    return make("li", {}, go, line);
  });
  find("moments").replaceChildren(...rows);
}
