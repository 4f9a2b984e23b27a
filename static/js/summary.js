// Summarize a talk: time, goals, and what to remember.

import { correctionItem, inContext } from "./corrections.js";
import { byId } from "./dom.js";
import { goalItem } from "./goals.js";
/** @import { Goal, Turn } from "./types.d.ts" */

/** @param {{ conversation: string; title: string; seconds: number; turns: Turn[]; goals: Goal[]; scenario: string }} talk */
export function showSummary({ conversation, title, seconds, turns, goals, scenario }) {
  const learners = turns.filter((turn) => turn.role === "user");
  const corrections = learners.flatMap((turn) => turn.corrections);
  const reached = goals.filter((goal) => goal.done).length;
  byId("summary-topic").textContent = title;
  byId("summary-title").textContent = headline(learners.length, reached, goals.length);
  byId("summary-minutes").textContent = seconds < 60 ? "under 1" : String(Math.round(seconds / 60));
  byId("summary-turns").textContent = String(learners.length);
  byId("summary-goals").textContent = goals.length ? `${reached} of ${goals.length}` : "–";
  byId("summary-corrections").replaceChildren(...learners.flatMap(toRemember));
  byId("summary-no-corrections").hidden = corrections.length > 0;
  byId("summary-goal-list").replaceChildren(...goals.map(goalItem));
  byId("summary-goals-card").hidden = !goals.length;
  byId("summary-history", HTMLAnchorElement).href = `/history/${encodeURIComponent(conversation)}`;
  byId("summary-history").hidden = !turns.length;
  byId("talk-again", HTMLAnchorElement).href = scenario ? `/?scenario=${encodeURIComponent(scenario)}` : "/";
}

/** @param {number} turns @param {number} reached @param {number} all */
function headline(turns, reached, all) {
  if (!turns) return "Maybe next time.";
  if (all && reached === all) return "Every goal reached.";
  if (reached) return `${reached} of ${all} goals reached.`;
  return turns === 1 ? "You spoke once." : `You spoke ${turns} times.`;
}

/**
 * Return the cards of a turn's corrections. Learners remember what they read here, so show only the corrected words. The rest of a
 * sentence was not checked.
 * @type {(turn: Turn) => HTMLElement[]}
 */
const toRemember = ({ text, corrections }) =>
  corrections.map((correction) => correctionItem(inContext(text, correction, corrections)));
