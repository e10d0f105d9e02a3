// SPDX-License-Identifier: MIT
// The text shaded by surprise, with what the model expected at the cursor.

const passage = {
  symbols: unpack(data.text.symbols),
  bits: unpack(data.text.bits),
  ranks: unpack(data.text.ranks),
  best: unpack(data.text.best),
  probabilities: unpack(data.text.probabilities),
  choices: data.text.choices,
};
passage.alternatives = passage.best.length / passage.choices;

const PAINTS = {
  bits(t) {
    const code = passage.bits[t];
    return code === NOT_PREDICTED ? "unpredicted" : `s${level(code / 10, BIT_STEPS)}`;
  },
  ranks(t) {
    const rank = passage.ranks[t];
    if (rank === 0) return "unpredicted";
    return `k${rank <= 1 ? 0 : rank <= 5 ? 1 : rank <= 10 ? 2 : 3}`;
  },
};

function showSurprise() {
  let mode = "bits";
  const view = new TextView(find("surprise-view"), {
    text: passage.symbols,
    length: passage.symbols.length,
    paint: (t) => PAINTS[mode](t),
    point: (t) => showExpectation(find("expectation"), t),
  });
  const scale = find("surprise-scale");
  scale.append(...scaleLegend(mode));
  for (const input of document.querySelectorAll("input[name=shade]")) {
    input.addEventListener("change", () => {
      mode = input.value;
      scale.replaceChildren(...scaleLegend(mode));
      view.repaint();
    });
  }
  showOverview(find("overview"), view);
  showLines(view);
  view.moveTo(Math.min(1, passage.symbols.length - 1));
  return view;
}

// The panel beside the text: the character at the cursor, and the five likeliest ones.
function showExpectation(host, t) {
  const symbol = passage.symbols[t];
  const code = passage.bits[t];
  const head = make("p", { class: "here" }, symbolElement(symbol, "big"));
  const place = `character ${grouped(t + 1)}`;
  if (code === NOT_PREDICTED) {
    head.append(make("span", { class: "here-facts" }, make("b", { text: "not predicted" }),
      make("span", { text: `${place}: nothing was read before it` })));
    host.replaceChildren(head);
    return;
  }
  const rank = passage.ranks[t];
  const nth = rank === 1 ? "the likeliest character" : `choice number ${rank === 255 ? "255 or later" : rank}`;
  head.append(make("span", { class: "here-facts" },
    make("b", { text: `${code === 254 ? "25.4 or more" : (code / 10).toFixed(1)} bits` }),
    make("span", { text: nth }), make("span", { class: "soft", text: place })));
  if (t >= passage.alternatives) {
    host.replaceChildren(head, make("p", {
      class: "soft",
      text: `The alternatives are kept for the first ${grouped(passage.alternatives)} characters.`,
    }));
    return;
  }
  const list = make("ol", { class: "alternatives", "aria-label": "the likeliest characters here" });
  for (let i = 0; i < passage.choices; i++) {
    const other = passage.best[t * passage.choices + i];
    const p = passage.probabilities[t * passage.choices + i] / 65535;
    list.append(make("li", { class: other === symbol ? "actual" : "" },
      symbolElement(other), bar(p), make("span", { class: "number", text: percent(p) })));
  }
  const others = rank > passage.choices ? [make("p", { class: "soft", text: `It has ${percent(2 ** (-code / 10))}, and is not among them.` })] : [];
  host.replaceChildren(head, make("p", { class: "panel-title", text: "The model expected" }), list, ...others);
}

// The mean of the bits along the whole text; a click goes there.
function showOverview(host, view) {
  const means = data.text.blocks;
  const high = Math.max(...means, 1e-9);
  onWidth(host, (width) => {
    const height = 54;
    const svg = draw("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": "mean bits along the text" });
    means.forEach((mean, i) => {
      const x = (i * width) / means.length;
      const tall = (mean / high) * (height - 14);
      svg.append(draw("rect", {
        class: "block", x: x.toFixed(2), y: (height - tall).toFixed(2),
        width: Math.max(0.5, width / means.length - 0.6).toFixed(2), height: tall.toFixed(2),
      }));
    });
    svg.append(draw("text", { class: "tick", x: 0, y: 9, text: `up to ${high.toFixed(2)} bits` }));
    svg.addEventListener("click", (event) => {
      const box = svg.getBoundingClientRect();
      view.moveTo(Math.floor(((event.clientX - box.left) / box.width) * passage.symbols.length), true);
    });
    host.replaceChildren(svg);
  });
}

function showLines(view) {
  for (const which of ["worst", "best"]) {
    const list = find(`${which}-lines`);
    for (const [start, end, mean] of data.lines[which]) {
      const line = make("span", { class: "line-text", dir: "auto" });
      for (let t = start; t < end; t++) {
        const symbol = passage.symbols[t];
        if (symbol === symbols.newline) continue;
        line.append(make("span", {
          class: `${PAINTS.bits(t)}${symbols.isEscaped(symbol) ? " escaped" : ""}`, text: symbols.shown[symbol],
        }));
      }
      const go = make("button", {
        type: "button", class: "go", "aria-label": `show the line with ${mean} bits in the text`,
        text: mean.toFixed(2),
        on: { click: () => { view.moveTo(start, true); view.host.focus(); } },
      });
      list.append(make("li", {}, go, line));
    }
    if (!data.lines[which].length) list.append(make("li", { class: "soft", text: "The text has too few lines." }));
  }
}
