// How corrections look: a card for each, and the words meant marked in the transcript.

export function correctionItem({ said, better, why }) {
  const item = document.getElementById("correction-template").content.firstElementChild.cloneNode(true);
  item.querySelector("del").textContent = said;
  item.querySelector("ins").textContent = better;
  const reason = item.querySelector(".correction-why");
  reason.textContent = why || "";
  reason.hidden = !why;
  return item;
}

/** The correction with the word before it, where its better words are a single one: "she have → she has". */
export function inContext(text, correction, corrections) {
  const { said, better, start } = correction;
  const before = Number.isInteger(start) && !better.includes(" ") ? /([\p{L}\p{N}'’-]+) $/u.exec(text.slice(0, start)) : null;
  const isCorrected = before && corrections.some((other) => other.start < start && other.end > before.index);
  return before && !isCorrected ? { ...correction, said: `${before[1]} ${said}`, better: `${before[1]} ${better}` } : correction;
}

// Those that have a place in the text, from left to right, none inside another.
function inOrder(text, corrections) {
  let at = 0;
  return corrections
    .filter(({ start, end }) => Number.isInteger(start) && start < end && end <= text.length)
    .sort((a, b) => a.start - b.start)
    .filter(({ start, end }) => start >= at && (at = end));
}

/** The transcript as nodes, with what was corrected in <mark>, or in another element. */
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
