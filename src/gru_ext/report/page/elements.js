// SPDX-License-Identifier: MIT
// Elements are made here alone. What they say is set as text, never as HTML.

const SVG = "http://www.w3.org/2000/svg";

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "text") element.textContent = value;
    else if (name === "on") {
      for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
    } else if (value !== null && value !== false) element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

function make(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

function draw(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

function find(id) {
  return document.getElementById(id);
}

// Call a function with the width of an element now and whenever it changes.
function onWidth(host, redraw) {
  let last = 0;
  const check = () => {
    const width = Math.floor(host.clientWidth);
    if (width > 0 && width !== last) {
      last = width;
      redraw(width);
    }
  };
  new ResizeObserver(check).observe(host);
  check();
}

// A bar within a table or list: its length is a fraction of the place that it has.
function bar(fraction, className = "") {
  const inner = make("span", { class: `bar ${className}` });
  inner.style.width = `${(100 * Math.max(0, Math.min(1, fraction))).toFixed(2)}%`;
  return make("span", { class: "bar-place" }, inner);
}
