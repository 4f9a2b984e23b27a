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

/** The whole sentence, with each correction marked in it and explained below. */
export function correctedSentence(text, corrections) {
  const placed = inOrder(text, corrections);
  const item = document.createElement("li");
  item.className = "correction";
  const sentence = Object.assign(document.createElement("p"), { className: "correction-sentence" });
  let at = 0;
  for (const { start, end, better } of placed) {
    const said = Object.assign(document.createElement("del"), { textContent: text.slice(start, end) });
    sentence.append(text.slice(at, start), said, " ", Object.assign(document.createElement("ins"), { textContent: better }));
    at = end;
  }
  sentence.append(text.slice(at));
  const reasons = [...new Set(placed.map(({ why }) => why).filter(Boolean))];
  item.append(sentence, ...reasons.map((why) => Object.assign(document.createElement("p"), { className: "correction-why", textContent: why })));
  return item;
}

// Those that have a place in the text, from left to right, none inside another.
function inOrder(text, corrections) {
  let at = 0;
  return corrections
    .filter(({ start, end }) => Number.isInteger(start) && start < end && end <= text.length)
    .sort((a, b) => a.start - b.start)
    .filter(({ start, end }) => start >= at && (at = end));
}

/** The transcript as nodes, with what was corrected in <mark>. */
export function marked(text, corrections = []) {
  const nodes = [];
  let at = 0;
  for (const { start, end } of inOrder(text, corrections)) {
    nodes.push(text.slice(at, start));
    nodes.push(Object.assign(document.createElement("mark"), { textContent: text.slice(start, end) }));
    at = end;
  }
  nodes.push(text.slice(at));
  return nodes;
}
