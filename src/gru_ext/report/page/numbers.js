// SPDX-License-Identifier: MIT
// Numbers as text.

function percent(fraction) {
  const value = 100 * fraction;
  if (value > 0 && value < 0.01) return "< 0.01%";
  return `${value.toFixed(value >= 99.95 ? 0 : value >= 9.95 ? 1 : 2)}%`;
}

function grouped(number) {
  return number.toLocaleString("en-US");
}

function short(number) {
  if (number >= 1e9) return `${+(number / 1e9).toPrecision(3)}G`;
  if (number >= 1e6) return `${+(number / 1e6).toPrecision(3)}M`;
  if (number >= 1e3) return `${+(number / 1e3).toPrecision(3)}k`;
  return `${+number.toPrecision(3)}`;
}
