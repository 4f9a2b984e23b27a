// Show the level that a placement talk shows, after the talk.

import { call } from "./api.js";
import { toast } from "./announce.js";
import { byId, make } from "./dom.js";
import * as settings from "./settings.js";
/** @import { Placement } from "./types.d.ts" */

const card = byId("placement");

/** @param {string} conversation */
export async function showPlacement(conversation) {
  card.hidden = false;
  byId("placement-level").textContent = "Counting what you said…";
  /** @type {Placement} */
  let found;
  try {
    found = await call("GET", `/api/conversations/${encodeURIComponent(conversation)}/placement`);
  } catch (error) {
    byId("placement-level").textContent = /** @type {Error} */ (error).message;
    return;
  }
  byId("placement-level").textContent = inWords(found);
  byId("placement-evidence").replaceChildren(
    ...found.evidence.map(({ title, value, unit, level, unmeasured }) =>
      make("li", {}, make("strong", { textContent: title }), `: ${level ? `${value} ${unit}, as at ${level}` : unmeasured}`),
    ),
  );
  byId("placement-not").textContent = `Not measured: ${found.notMeasured.join(", ")}.`;
  const { level } = found;
  const use = byId("placement-use", HTMLButtonElement);
  use.hidden = !level;
  if (!level) return;
  use.textContent = `Practise at ${level}`;
  use.onclick = () => {
    settings.set("level", level);
    toast(`Your level is now ${level}. You can change it at any time.`);
  };
}

/** @param {Placement} found */
function inWords({ level, low, high, words }) {
  if (!level) return `You said ${words} words that were clearly heard. That is too little to estimate a level.`;
  const between = low === high ? "" : ` It may be anything from ${low} to ${high}.`;
  return `Your level is about ${level}.${between}`;
}

export function hidePlacement() {
  card.hidden = true;
}
