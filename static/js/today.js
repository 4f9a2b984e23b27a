// Show what to do today on the start page: one talk, one review, and why.

import { showError } from "./announce.js";
import { call } from "./api.js";
import { showDays, timeZone } from "./days.js";
import { byId, find } from "./dom.js";
import * as settings from "./settings.js";
/** @import { Today } from "./types.d.ts" */

/** @type {Record<string, string>} */
const GOALS = { travel: "travel", work: "work", exam: "an exam", school: "school" };

const card = byId("today");
const goal = byId("today-goal", HTMLSelectElement);

const path = () => `/api/today?${new URLSearchParams({ zone: timeZone(), level: settings.get("level") })}`;

/**
 * Fill the card. It stays hidden while the plan cannot be read, because it must not be in the way of talking.
 * @param {{ onTalk: (scenario: string) => void }} options `onTalk` starts the talk that is suggested
 */
export async function showToday({ onTalk }) {
  try {
    show(await call("GET", path()));
  } catch {
    return;
  }
  goal.addEventListener("change", async () => {
    try {
      show(await call("PATCH", path(), { goal: goal.value || null }));
    } catch (error) {
      showError(/** @type {Error} */ (error));
    }
  });
  settings.onChange("level", () => call("GET", path()).then(show, () => {}));
  byId("today-talk").addEventListener("click", () => onTalk(String(byId("today-talk").dataset.scenario)));
  byId("today-placement").addEventListener("click", () => onTalk("placement"));
}

/** @param {Today} plan */
function show(plan) {
  showDays(byId("today-days"), plan.days);
  const talk = byId("today-talk");
  talk.dataset.scenario = plan.talk.scenario;
  find(byId("today-talk-item"), "strong").textContent = plan.talk.title;
  find(byId("today-talk-item"), "small").textContent = plan.talk.why;
  byId("today-review-item").hidden = !plan.review;
  if (plan.review) find(byId("today-review-item"), "small").textContent = plan.review.why;
  byId("today-placement").hidden = plan.isPlaced;
  if (!goal.options.length)
    goal.append(new Option("nothing special", ""), ...plan.goals.map((name) => new Option(GOALS[name] ?? name, name)));
  goal.value = plan.goal ?? "";
  card.hidden = false;
}
