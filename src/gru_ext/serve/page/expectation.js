// SPDX-License-Identifier: MIT
// The panel: the character before the caret, and what the model expects after it.

// A character by itself, where a space would not be seen.
function characterElement({ shown, escaped }, className = "") {
  return make("span", { class: `symbol ${escaped ? "escaped" : ""} ${className}`, text: shown === " " ? "␣" : shown });
}

function showBefore(host, before, bits, unknown) {
  if (before === null) {
    host.replaceChildren(make("span", { class: "here-facts" }, make("b", { text: "the beginning" }),
      make("span", { class: "soft", text: "nothing stands before the caret" })));
    return;
  }
  const facts = make("span", { class: "here-facts" });
  if (unknown) {
    facts.append(make("b", { text: "unknown to the model" }), make("span", { text: "it is left out" }));
  } else if (bits === null) {
    facts.append(make("b", { text: "not predicted" }), make("span", { text: "nothing was read before it" }));
  } else {
    facts.append(make("b", { text: `${bits.toFixed(1)} bits` }),
      make("span", { text: `it had a probability of ${percent(2 ** -bits)}` }));
  }
  facts.append(make("span", { class: "soft", text: "the character before the caret" }));
  host.replaceChildren(characterElement(before, "big"), facts);
}

// next: the likeliest characters; actual: the character after the caret, if there is one.
function showExpected(answer, actual, insert) {
  const title = actual === undefined ? "The model expects next" : "The model expected here";
  find("expected-title").textContent = title;
  find("entropy").textContent = `entropy ${answer.entropy.toFixed(2)} bits`;
  find("expected").replaceChildren(...answer.next.map((each) => {
    const choice = make("button", {
      type: "button", class: "choice", "aria-label": `type ${each.shown}, ${percent(each.p)}`,
      on: { click: () => insert(each.text), mousedown: (event) => event.preventDefault() },
    }, characterElement(each), bar(each.p), make("span", { class: "number", text: percent(each.p) }));
    return make("li", { class: each.text === actual ? "actual" : "" }, choice);
  }));
  const [number, p] = answer.others;
  find("others").textContent = number ? `${grouped(number)} others share ${percent(p)}.` : "";
}
