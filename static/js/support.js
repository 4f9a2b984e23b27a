// Show a learner in danger or despair where to call. The card is quiet: it takes no focus and stays until it is closed.

import { announce } from "./announce.js";
import { byId } from "./dom.js";
/** @import { CrisisLine, TalkEvent } from "./types.d.ts" */

/** @param {TalkEvent} event */
export function showSupport({ lines, elsewhere }) {
  const list = byId("support-lines");
  list.replaceChildren(...lines.map(/** @param {CrisisLine} line */ (line) => lineItem(line)));
  list.hidden = !lines.length;
  byId("support-elsewhere", HTMLAnchorElement).href = elsewhere;
  byId("support-close").onclick = close;
  const card = byId("support");
  card.hidden = false;
  card.scrollIntoView({ block: "nearest" });
  const first = lines.length ? `${lines[0].name}: ${lines[0].number}` : byId("support-elsewhere").textContent;
  announce(`${byId("support-title").textContent}. ${first}`);
}

/** @param {CrisisLine} line */
function lineItem({ name, number, tel, note }) {
  const item = document.createElement("li");
  const link = document.createElement("a");
  link.href = `tel:${encodeURIComponent(tel)}`;
  link.textContent = number;
  item.append(link, ` ${name}${note ? `. ${note}` : ""}`);
  return item;
}

function close() {
  byId("support").hidden = true;
  byId("talk-title").focus({ preventScroll: true });
}
