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

/** The transcript as nodes, with what was corrected in <mark>. */
export function marked(text, corrections = []) {
  const nodes = [];
  let at = 0;
  const spans = corrections
    .filter(({ start, end }) => Number.isInteger(start) && start < end && end <= text.length)
    .sort((a, b) => a.start - b.start);
  for (const { start, end } of spans) {
    if (start < at) continue;
    nodes.push(text.slice(at, start));
    nodes.push(Object.assign(document.createElement("mark"), { textContent: text.slice(start, end) }));
    at = end;
  }
  nodes.push(text.slice(at));
  return nodes;
}
