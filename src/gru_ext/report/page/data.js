// SPDX-License-Identifier: MIT
// The data of the page: arrays out of base64, and symbols as they are shown.

const data = JSON.parse(document.getElementById("data").textContent);

const ARRAYS = { u1: Uint8Array, i1: Int8Array, u2: Uint16Array, u4: Uint32Array };

function unpack({ type, base64 }) {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return new ARRAYS[type](bytes.buffer);
}

const symbols = {
  shown: data.vocabulary.shown,
  newline: data.vocabulary.newline,

  isEscaped(symbol) {
    return data.vocabulary.kinds[symbol] === "e";
  },

  // The columns of a monospaced font that a symbol takes.
  columns(symbol) {
    const kind = data.vocabulary.kinds[symbol];
    if (kind === "e") return this.shown[symbol].length;
    return kind === "2" ? 2 : 1;
  },

  // A symbol outside a text, where a space would not be seen.
  label(symbol) {
    const shown = this.shown[symbol];
    return shown === " " ? "␣" : shown;
  },
};

const NOT_PREDICTED = 255;

// The symbol as an element, marked where it is escaped.
function symbolElement(symbol, className = "") {
  const escaped = symbols.isEscaped(symbol) ? " escaped" : "";
  return make("span", { class: `symbol${escaped} ${className}`, text: symbols.label(symbol) });
}
