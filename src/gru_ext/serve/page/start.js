// SPDX-License-Identifier: MIT
// The parts of the page, put together.

find("name").textContent = data.name;
find("model").textContent = `${data.model}.`;
find("version").textContent = data.version;
document.title = `${data.name}: write with a character model`;
find("scale").append(...scaleLegend("bits"));

const reader = new Asker("read", showReading);
const sampler = new Asker("continue", (question, answer) => {
  continuations.show(question, answer, sampler.waiting !== null);
  document.documentElement.classList.add("ready");
});
const editor = new Editor(find("editor"), ask);
const continuations = new Continuations(find("continuations"), find("controls"), sample, (question, text) => {
  if (editor.asks(question)) editor.insert(text); // or else it continues an older text
});

function sample() {
  continuations.wait();
  sampler.ask({ ...editor.question, ...continuations.settings });
}

function ask() {
  reader.ask(editor.question);
  sample();
}

function showReading(question, answer) {
  if (!editor.asks(question)) return;
  editor.shadeBy(answer);
  const place = editor.caret - 1;
  showBefore(find("before"), answer.before, answer.bits[place], editor.unknown.has(place));
  showExpected(answer, editor.characters[editor.caret], (text) => editor.insert(text));
  const predicted = answer.bits.filter((bits, i) => bits !== null && !editor.unknown.has(i));
  const mean = predicted.reduce((sum, bits) => sum + bits, 0) / predicted.length;
  const count = answer.bits.length;
  const size = `${grouped(count)} character${count === 1 ? "" : "s"}`;
  find("tally").textContent = predicted.length ? `${size}, ${mean.toFixed(2)} bits each` : size;
}

editor.read();
editor.box.focus();
