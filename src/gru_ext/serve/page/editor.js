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

// How many elements at the beginning and at the end of two arrays are the same.
function sameEnds(before, after) {
  const most = Math.min(before.length, after.length);
  let head = 0;
  while (head < most && before[head] === after[head]) head++;
  let tail = 0;
  while (tail < most - head && before.at(-1 - tail) === after.at(-1 - tail)) tail++;
  return { head, tail };
}

class Editor {
  // changed(): the text is another, or the caret has moved.
  constructor(host, changed) {
    this.box = host.querySelector("textarea");
    this.backdrop = host.querySelector(".backdrop");
    this.changed = changed;
    this.value = "";
    this.characters = [];
    this.bits = [];
    this.unknown = new Set();
    this.lines = []; // a text for each line of the backdrop, which says how it is shown
    this.caret = 0;
    this.box.maxLength = data.longest;
    this.box.addEventListener("input", () => this.readSoon());
    this.box.addEventListener("scroll", () => this.scroll());
    document.addEventListener("selectionchange", () => this.moved());
  }

  // Before the next frame is drawn: a browser may say of each line of a text that it was typed.
  readSoon() {
    if (this.due) return;
    this.due = true;
    requestAnimationFrame(() => {
      this.due = false;
      this.read();
    });
  }

  // The text up to a place in the box, as characters.
  charactersTo(place) {
    return [...fromBox(this.box.value.slice(0, place))];
  }

  read() {
    const before = this.characters;
    const after = this.charactersTo();
    const { head, tail } = sameEnds(before, after);
    // until the server answers, what has not changed keeps its shade
    const changed = after.length - head - tail;
    this.bits = [...this.bits.slice(0, head), ...Array(changed).fill(undefined),
      ...this.bits.slice(before.length - tail)];
    this.unknown = new Set([...this.unknown].filter((i) => i < head));
    this.value = this.box.value;
    this.characters = after;
    this.caret = this.charactersTo(this.box.selectionEnd).length;
    this.paint();
    this.changed();
  }

  moved() {
    if (this.box.value !== this.value) return; // the text is read at once
    const caret = this.charactersTo(this.box.selectionEnd).length;
    if (caret === this.caret) return;
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

  // Make the lines anew that are others than before, or have other shades.
  paint() {
    const lines = [[]];
    this.characters.forEach((c, i) => {
      lines.at(-1).push({ shown: toBox(c), shade: shade(this.bits[i], this.unknown.has(i)) });
      if (c === "\n") lines.push([]);
    });
    const keys = lines.map((line) => line.map((each) => each.shown + each.shade).join("|"));
    const { head, tail } = sameEnds(this.lines, keys);
    const old = [...this.backdrop.children].slice(head, this.lines.length - tail);
    const made = lines.slice(head, lines.length - tail).map((line) => this.lineElement(line));
    const next = this.backdrop.children[this.lines.length - tail] ?? null;
    old.forEach((element) => element.remove());
    made.forEach((element) => this.backdrop.insertBefore(element, next));
    this.lines = keys;
    this.scroll();
  }

  lineElement(line) {
    const newline = (i) => (line[i]?.shown === "\n"
      ? make("span", { class: `newline ${line[i].shade}`, text: "\n" }) : null);
    const shaded = shadedText(line.map((each) => each.shown), (i) => line[i].shade, newline);
    return make("div", {}, shaded, ...(line.length ? [] : ["\u200b"])); // an empty line has a height
  }

  scroll() {
    this.backdrop.scrollTop = this.box.scrollTop;
  }

  // Type a text at the caret, so that the browser can undo it.
  insert(text) {
    this.box.focus({ preventScroll: true });
    const end = this.box.selectionEnd;
    this.box.setSelectionRange(end, end);
    if (!document.execCommand("insertText", false, toBox(text))) {
      this.box.setRangeText(toBox(text), end, end, "end");
      this.read();
    }
  }
}
