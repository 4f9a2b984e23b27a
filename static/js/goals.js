// Show the checklist of a talk's goals.

import { byId, clone, find, findAll } from "./dom.js";
/** @import { Goal } from "./types.d.ts" */

/** @param {Goal} goal */
export function goalItem({ text, done }) {
  const item = clone("goal-template");
  item.dataset.done = String(done);
  find(item, ".goal-text").textContent = text;
  find(item, ".goal-state").textContent = done ? ", reached" : ", not yet";
  return item;
}

/**
 * Fill the page's list. Return the goals that have just been reached.
 * @param {Goal[]} goals
 */
export function showGoals(goals) {
  const list = byId("goal-list");
  const before = new Set(findAll(list, '[data-done="true"] .goal-text').map((element) => element.textContent));
  const known = list.children.length > 0;
  list.replaceChildren(...goals.map(goalItem));
  byId("goals").hidden = !goals.length;
  byId("goals-count").textContent = `${goals.filter((goal) => goal.done).length} of ${goals.length}`;
  return known ? goals.filter((goal) => goal.done && !before.has(goal.text)) : [];
}
