// SPDX-License-Identifier: MIT
// The continuations, and the sliders that say how they are sampled.

class Continuations {
  // changed(): another sample is wanted; accept(text): this continuation was clicked.
  constructor(host, form, changed, accept) {
    Object.assign(this, { host, accept });
    this.sliders = [...form.querySelectorAll("input")];
    this.seed = 1;
    for (const slider of this.sliders) {
      const show = () => {
        const places = slider.name === "length" ? 0 : 2;
        slider.previousElementSibling.textContent = Number(slider.value).toFixed(places);
      };
      slider.addEventListener("input", () => {
        show();
        changed();
      });
      slider.max = data.sliders[slider.name].most;
      slider.value = data.sliders[slider.name].value;
      show();
    }
    form.addEventListener("submit", (event) => event.preventDefault());
    find("again").addEventListener("click", () => {
      this.seed++;
      changed();
    });
  }

  get settings() {
    const values = this.sliders.map((slider) => [slider.name, Number(slider.value)]);
    return { seed: this.seed, ...Object.fromEntries(values) };
  }

  wait() {
    this.host.classList.add("waiting");
  }

  // waiting: others are still to come.
  show(question, { continuations }, waiting) {
    this.host.classList.toggle("waiting", waiting);
    this.host.replaceChildren(...continuations.map(({ text, bits, escapes }, number) => {
      const characters = [...text];
      const classOf = (i) => shade(bits[i]);
      const escape = (i) => {
        if (!Object.hasOwn(escapes, i)) return null;
        const end = characters[i] === "\n" ? "\n" : "";
        return make("span", { class: `escaped ${classOf(i)}`, text: escapes[i] + end });
      };
      const mean = bits.reduce((sum, each) => sum + each, 0) / Math.max(1, bits.length);
      return make("li", {}, make("button", {
        type: "button", class: "continuation", "aria-label": `add continuation ${number + 1} to the text`,
        on: { click: () => this.accept(question, text) },
      }, make("span", { class: "continuation-text", dir: "auto" }, shadedText(characters, classOf, escape)),
      make("span", { class: "continuation-facts" }, make("span", { text: `${mean.toFixed(2)} bits per character` }),
        make("span", { class: "add", text: "add" }))));
    }));
  }
}
