// SPDX-License-Identifier: MIT
// The box to type in. Its own text is transparent: a backdrop of the same size shows it, shaded.

const CARRIAGE_RETURN = "␍"; // a box cannot hold a carriage return: this stands for it

const toBox = (text) => (data.carriageReturn ? text.replaceAll("\r", CARRIAGE_RETURN) : text);
const fromBox = (text) => (data.carriageReturn ? text.replaceAll(CARRIAGE_RETURN, "\r") : text);

// The class of a character: bits is a number, null where nothing predicted it, or undefined where
// the server has not yet said so.
function shade(bits, unknown = false) {
  if (unknown) return "unknown";
  if (bits === null) return "unpredicted";
  return bits === undefined ? "" : `s${level(bits, BIT_STEPS)}`;
}

// Elements for characters: those of the same class stand in one. special(i) may make one by itself.
function shadedText(characters, classOf, special) {
  const made = document.createDocumentFragment();
  let from = 0;
  for (let i = 0; i < characters.length; i++) {
    const own = special(i);
    const last = i + 1 === characters.length || special(i + 1) || classOf(i + 1) !== classOf(i);
    if (!own && !last) continue;
    made.append(own ?? make("span", { class: classOf(i), text: characters.slice(from, i + 1).join("") }));
    from = i + 1;
  }
  return made;
}

class Editor {
  // changed(): the text is another, or the caret has moved.
  constructor(host, changed) {
    this.box = host.querySelector("textarea");
    this.backdrop = host.querySelector(".backdrop");
    this.changed = changed;
    this.characters = [];
    this.bits = [];
    this.unknown = new Set();
    this.caret = 0;
    this.box.maxLength = data.longest;
    this.box.addEventListener("input", () => this.read());
    document.addEventListener("selectionchange", () => this.moved());
    this.paint();
  }

  // The text up to a place in the box, as characters.
  charactersTo(place) {
    return [...fromBox(this.box.value.slice(0, place))];
  }

  read() {
    const before = this.characters;
    const after = this.charactersTo();
    const most = Math.min(before.length, after.length);
    let head = 0;
    while (head < most && before[head] === after[head]) head++;
    let tail = 0;
    while (tail < most - head && before.at(-1 - tail) === after.at(-1 - tail)) tail++;
    // until the server answers, what has not changed keeps its shade
    const changed = after.length - head - tail;
    this.bits = [...this.bits.slice(0, head), ...Array(changed).fill(undefined),
      ...this.bits.slice(before.length - tail)];
    this.unknown = new Set([...this.unknown].filter((i) => i < head));
    this.characters = after;
    this.caret = this.charactersTo(this.box.selectionEnd).length;
    this.paint();
    this.changed();
  }

  moved() {
    const caret = this.charactersTo(this.box.selectionEnd).length;
    if (caret === this.caret || this.box.value.length === 0) return;
    this.caret = caret;
    this.changed();
  }

  get question() {
    return { text: this.characters.join(""), caret: this.caret };
  }

  // Whether a question was of this text with the caret at this place.
  asks({ text, caret }) {
    return caret === this.caret && text === this.characters.join("");
  }

  shadeBy({ bits, unknown }) {
    this.bits = bits;
    this.unknown = new Set(unknown);
    this.paint();
  }

  paint() {
    const classOf = (i) => shade(this.bits[i], this.unknown.has(i));
    const newline = (i) => (this.characters[i] === "\n"
      ? make("span", { class: `newline ${classOf(i)}`, text: "\n" }) : null);
    const shown = this.characters.map(toBox);
    // the last line has its height although it may be empty
    this.backdrop.replaceChildren(shadedText(shown, classOf, newline), "\u200b");
  }

  // Type a text at the caret, so that the browser can undo it.
  insert(text) {
    this.box.focus();
    const end = this.box.selectionEnd;
    this.box.setSelectionRange(end, end);
    if (!document.execCommand("insertText", false, toBox(text))) {
      this.box.setRangeText(toBox(text), end, end, "end");
      this.read();
    }
  }
}
