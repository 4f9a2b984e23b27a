// Show corrections: a card for each one, and marks in the transcript.

export function correctionItem({ said, better, why }) {
  const item = document.getElementById("correction-template").content.firstElementChild.cloneNode(true);
  item.querySelector("del").textContent = said;
  item.querySelector("ins").textContent = better;
  const reason = item.querySelector(".correction-why");
  reason.textContent = why || "";
  reason.hidden = !why;
  return item;
}

/** Add the word before the correction, if the better text is a single word: "she have → she has". */
export function inContext(text, correction, corrections) {
  const { said, better, start } = correction;
  const before = Number.isInteger(start) && !better.includes(" ") ? /([\p{L}\p{N}'’-]+) $/u.exec(text.slice(0, start)) : null;
  const isCorrected = before && corrections.some((other) => other.start < start && other.end > before.index);
  return before && !isCorrected ? { ...correction, said: `${before[1]} ${said}`, better: `${before[1]} ${better}` } : correction;
}

// Return the corrections that have a position in the text, from left to right, without nested ones.
function inOrder(text, corrections) {
  let at = 0;
  return corrections
    .filter(({ start, end }) => Number.isInteger(start) && start < end && end <= text.length)
    .sort((a, b) => a.start - b.start)
    .filter(({ start, end }) => start >= at && (at = end));
}

/** Return the transcript as nodes, with corrected words in <mark> or another element. */
export function marked(text, corrections = [], { tag = "mark", className = "" } = {}) {
  const nodes = [];
  let at = 0;
  for (const { start, end } of inOrder(text, corrections)) {
    nodes.push(text.slice(at, start));
    nodes.push(Object.assign(document.createElement(tag), { textContent: text.slice(start, end), className }));
    at = end;
  }
  nodes.push(text.slice(at));
  return nodes;
}
