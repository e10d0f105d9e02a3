// SPDX-License-Identifier: MIT
// The steps of surprise: from bits or ranks to the classes that shade a character.

const BIT_STEPS = [0.5, 1, 2, 3, 4, 5, 6, 8, 10];
const RANK_STEPS = [1, 5, 10];

function level(value, steps) {
  let at = 0;
  while (at < steps.length && value >= steps[at]) at++;
  return at;
}

function scaleLegend(mode) {
  const entries = mode === "bits"
    ? [["0", "s0"], ...BIT_STEPS.map((step, i) => [`${step}`, `s${i + 1}`])]
    : [["1st", "k0"], ["2nd–5th", "k1"], ["6th–10th", "k2"], ["later", "k3"]];
  const title = mode === "bits" ? "bits, from" : "the character was the model's choice number";
  return [make("span", { class: "scale-title", text: title }),
    ...entries.map(([name, className]) => make("span", { class: `scale-step ${className}`, text: name }))];
}
