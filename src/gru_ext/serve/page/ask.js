// SPDX-License-Identifier: MIT
// Questions to the server.

const data = JSON.parse(find("data").textContent);

async function answerTo(name, question) {
  let response;
  try {
    response = await fetch(name, {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(question),
    });
  } catch {
    throw new Error("The server does not answer: is gru-ext serve still running?");
  }
  const answer = await response.json();
  if (!response.ok) throw new Error(`The server refuses the question: ${answer.error}`);
  return answer;
}

function showProblem(message) {
  find("problem").hidden = message === "";
  find("problem").textContent = message;
}

// Asks one question at a time. Of those that come meanwhile the last one alone is asked.
class Asker {
  constructor(name, show) {
    Object.assign(this, { name, show, waiting: null, busy: false });
  }

  async ask(question) {
    this.waiting = question;
    if (this.busy) return;
    this.busy = true;
    while (this.waiting) {
      const asked = this.waiting;
      this.waiting = null;
      try {
        this.show(asked, await answerTo(this.name, asked));
        showProblem("");
      } catch (error) {
        showProblem(error.message);
      }
    }
    this.busy = false;
  }
}
