// SPDX-License-Identifier: MIT
// A text in rows of single characters. Only the rows that are seen are elements of the page.

const OVERSCAN = 8; // rows above and below the ones that are seen

class TextView {
  // host: the element that scrolls.
  // text: symbols, an array; length: how many of them are shown.
  // paint(place): the class of a character; point(place): the cursor has moved there.
  constructor(host, { text, length, paint, point }) {
    Object.assign(this, { host, text, length, paint, point });
    this.cursor = -1;
    this.rows = make("div", { class: "rows" });
    this.space = make("div", { class: "space" }, this.rows);
    host.append(this.space);
    const probe = make("span", { class: "probe", text: "0".repeat(100) });
    host.append(probe);
    const style = getComputedStyle(host);
    this.rowHeight = parseFloat(style.lineHeight);
    this.padding = parseFloat(style.paddingLeft) + parseFloat(style.paddingRight);
    this.charWidth = probe.getBoundingClientRect().width / 100 || 8;
    probe.remove();
    onWidth(host, (width) => this.layOut(width));
    host.addEventListener("scroll", () => this.render(), { passive: true });
    host.addEventListener("pointermove", (event) => this.onMove(event));
    host.addEventListener("click", (event) => this.pointAt(event.target));
    host.addEventListener("keydown", (event) => this.onKey(event));
  }

  // Break the text into rows: after newlines, and where the next character does not fit.
  layOut(width) {
    const columns = Math.max(10, Math.floor((width - this.padding) / this.charWidth));
    const starts = [0];
    let used = 0;
    for (let t = 0; t < this.length; t++) {
      const symbol = this.text[t];
      const own = symbols.columns(symbol);
      if (used + own > columns && used > 0) {
        starts.push(t);
        used = 0;
      }
      used += own;
      if (symbol === symbols.newline && t + 1 < this.length) {
        starts.push(t + 1);
        used = 0;
      }
    }
    const place = this.cursor >= 0 ? this.cursor : null;
    this.starts = Int32Array.from(starts);
    this.space.style.height = `${this.starts.length * this.rowHeight}px`;
    this.shown = null;
    if (place !== null) this.scrollTo(place);
    this.render();
  }

  rowOf(place) {
    let low = 0;
    let high = this.starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.starts[middle] <= place) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  endOf(row) {
    return row + 1 < this.starts.length ? this.starts[row + 1] : this.length;
  }

  render() {
    const seen = Math.ceil(this.host.clientHeight / this.rowHeight);
    const top = Math.floor(this.host.scrollTop / this.rowHeight);
    const first = Math.max(0, top - OVERSCAN);
    const last = Math.min(this.starts.length, top + seen + OVERSCAN);
    if (this.shown && this.shown.first === first && this.shown.last === last) return;
    this.shown = { first, last };
    const rows = document.createDocumentFragment();
    for (let row = first; row < last; row++) {
      const line = make("div", { class: "row", dir: "auto" });
      for (let t = this.starts[row]; t < this.endOf(row); t++) {
        const symbol = this.text[t];
        const element = document.createElement("span");
        element.textContent = symbols.shown[symbol];
        element.place = t;
        element.escaped = symbols.isEscaped(symbol);
        this.paintElement(element);
        line.append(element);
      }
      rows.append(line);
    }
    this.rows.replaceChildren(rows);
    this.rows.style.marginTop = `${first * this.rowHeight}px`;
  }

  paintElement(element) {
    const cursor = element.place === this.cursor ? " cursor" : "";
    element.className = `${this.paint(element.place)}${element.escaped ? " escaped" : ""}${cursor}`;
  }

  repaint() {
    for (const row of this.rows.children) {
      for (const element of row.children) this.paintElement(element);
    }
  }

  elementAt(place) {
    const row = this.rowOf(place);
    if (!this.shown || row < this.shown.first || row >= this.shown.last) return null;
    return this.rows.children[row - this.shown.first].children[place - this.starts[row]];
  }

  scrollTo(place, middle = false) {
    const top = this.rowOf(place) * this.rowHeight;
    const height = this.host.clientHeight;
    const above = this.host.scrollTop;
    if (middle) this.host.scrollTop = top - height / 3;
    else if (top < above) this.host.scrollTop = top;
    else if (top + 2 * this.rowHeight > above + height) {
      this.host.scrollTop = top + 2 * this.rowHeight - height;
    }
  }

  moveTo(place, middle = false) {
    const target = Math.max(0, Math.min(this.length - 1, place));
    const before = this.cursor;
    this.cursor = target;
    this.scrollTo(target, middle);
    this.render();
    for (const each of [before, target]) {
      const element = each >= 0 ? this.elementAt(each) : null;
      if (element) this.paintElement(element);
    }
    this.point(target);
  }

  // A text that moves under a pointer at rest is no movement of the pointer.
  onMove(event) {
    const at = `${event.clientX},${event.clientY}`;
    if (at !== this.pointer) this.pointAt(event.target);
    this.pointer = at;
  }

  pointAt(element) {
    if (element.place === undefined || element.place === this.cursor) return;
    const above = this.host.scrollTop;
    this.moveTo(element.place);
    this.host.scrollTop = above; // the text must not move away under the pointer
  }

  onKey(event) {
    const row = this.rowOf(Math.max(0, this.cursor));
    const column = Math.max(0, this.cursor) - this.starts[row];
    const rowsSeen = Math.max(1, Math.floor(this.host.clientHeight / this.rowHeight) - 1);
    const inRow = (other) => {
      const target = Math.max(0, Math.min(this.starts.length - 1, other));
      return Math.min(this.starts[target] + column, this.endOf(target) - 1);
    };
    const moves = {
      ArrowRight: () => this.cursor + 1,
      ArrowLeft: () => this.cursor - 1,
      ArrowDown: () => inRow(row + 1),
      ArrowUp: () => inRow(row - 1),
      PageDown: () => inRow(row + rowsSeen),
      PageUp: () => inRow(row - rowsSeen),
      Home: () => (event.ctrlKey ? 0 : this.starts[row]),
      End: () => (event.ctrlKey ? this.length - 1 : this.endOf(row) - 1),
    };
    if (!Object.hasOwn(moves, event.key) || event.altKey || event.metaKey) return;
    event.preventDefault();
    this.moveTo(moves[event.key]());
  }
}
