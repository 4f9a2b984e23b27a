// Show on which of the last seven days the learner practised.

import { make } from "./dom.js";
/** @import { PractisedDay } from "./types.d.ts" */

// A date has no time zone, so it is shown in the one that it is read in.
const SHORT = new Intl.DateTimeFormat("en", { weekday: "short", timeZone: "UTC" });
const LONG = new Intl.DateTimeFormat("en", { weekday: "long", day: "numeric", month: "long", timeZone: "UTC" });

/** The name of the browser's time zone, such as "Europe/Berlin". */
export const timeZone = () => Intl.DateTimeFormat().resolvedOptions().timeZone ?? "";

/**
 * Fill the list with one dot a day.
 * @param {HTMLElement} list
 * @param {PractisedDay[]} days
 */
export function showDays(list, days) {
  const dots = days.map(({ date, practised }) => {
    const day = new Date(`${date}T00:00:00Z`);
    const item = make(
      "li",
      {},
      make("span", { className: "visually-hidden", textContent: `${LONG.format(day)}: ${practised ? "practised" : "free"}` }),
      make("span", { className: "day-dot", ariaHidden: "true" }),
      make("span", { textContent: SHORT.format(day), ariaHidden: "true" }),
    );
    item.dataset.practised = String(practised);
    return item;
  });
  list.replaceChildren(...dots);
}
