// Run the page of the learner's progress. The server measures and draws; this module puts it into the page.

import "./page.js";
import { call } from "./api.js";
import { showDays, timeZone } from "./days.js";
import { byId, clone, find, make } from "./dom.js";
import { plural } from "./format.js";
import { Unreached } from "./unreached.js";
/** @import { Measure, Progress } from "./types.d.ts" */

// While talks are still being counted
const AGAIN = 1000; // ms
const DATE = new Intl.DateTimeFormat("en", { day: "numeric", month: "short", year: "numeric" });
const WEEK = new Intl.DateTimeFormat("en", { day: "numeric", month: "long", timeZone: "UTC" });

const unreached = new Unreached({ place: byId("progress-unreached"), onRetry: () => load() });
const status = byId("progress-status");

async function load() {
  try {
    /** @type {Progress} */
    const found = await call("GET", `/api/progress?zone=${encodeURIComponent(timeZone())}`);
    unreached.hide();
    show(found);
    if (found.unread) setTimeout(load, AGAIN);
  } catch (error) {
    status.hidden = true;
    unreached.show(/** @type {Error} */ (error), { focus: false });
  }
}

/** @param {Progress} found */
function show(found) {
  const isEmpty = !found.talks && !found.days.some(({ practised }) => practised);
  status.hidden = !found.unread;
  status.textContent = found.unread ? `${plural(found.unread, "earlier talk")} still to be counted…` : "";
  byId("progress-empty").hidden = !isEmpty || found.unread > 0;
  byId("progress").hidden = isEmpty;
  if (isEmpty) return;
  showDays(byId("days"), found.days);
  byId("days-text").textContent = daysText(found.days.filter(({ practised }) => practised).length);
  byId("totals").textContent =
    `${plural(found.talks, "talk")}, ${plural(Math.round(found.minutes), "minute")}, and you spoke ${plural(found.turns, "time")}.`;
  const weeks = found.weeks.map(({ monday, minutes, turns }) => [
    WEEK.format(new Date(`${monday}T00:00:00Z`)),
    String(Math.round(minutes)),
    String(turns),
  ]);
  showFigure(byId("weeks"), found.weeksSvg, ["Week from", "Minutes", "Turns"], weeks);
  byId("mistakes").textContent = mistakesText(found.mistakes);
  byId("measures").replaceChildren(...found.measures.map(showMeasure));
  byId("levels").replaceChildren(...found.levels.map(({ level, used, met }) => row([level, used.toFixed(1), met.toFixed(1)])));
}

/** @param {number} count */
function daysText(count) {
  if (!count) return "No practice in these days. A short talk is a good way back.";
  return count === 7 ? "You practised every day." : `You practised on ${plural(count, "day")}.`;
}

/** @param {Progress["mistakes"]} mistakes */
function mistakesText({ learning, gone, returned }) {
  if (!learning && !gone) return "No mistakes have been noted yet.";
  const back = returned ? ` ${returned} of them had been gone and came back.` : "";
  return `${plural(gone, "mistake")} gone, ${learning} still to learn.${back}`;
}

/** @type {Record<string, string>} */
const CHANGES = {
  higher: "Higher than in your first talks.",
  lower: "Lower than in your first talks.",
  unclear: "No clear change since your first talks.",
};

/** @param {Measure} measure */
function showMeasure(measure) {
  const element = clone("measure-template");
  find(element, "h3").textContent = measure.title;
  find(element, ".measure-about").textContent = measure.about;
  const value = find(element, ".measure-value");
  if (measure.latest) {
    const { value: estimate, low, high } = measure.latest;
    value.append(
      make("strong", { textContent: number(estimate) }),
      ` ${measure.unit}, between ${number(low)} and ${number(high)}`,
    );
  } else value.textContent = measure.unmeasured;
  const change = find(element, ".measure-change");
  change.textContent = measure.change ? CHANGES[measure.change] : "";
  change.hidden = !measure.change;
  const rows = measure.points.map(({ at, value, low, high }) => [
    DATE.format(at),
    number(value),
    `${number(low)} to ${number(high)}`,
  ]);
  showFigure(find(element, "figure"), measure.svg, ["Talk of", measure.unit, "Between"], rows, measure.title);
  return element;
}

/** @type {(value: number) => string} */
const number = (value) => (value >= 100 ? value.toFixed(0) : value.toPrecision(value >= 10 ? 3 : 2));

/**
 * Show a chart, and its figures as a table. `about` tells tables of the same page apart.
 * @param {HTMLElement} figure
 * @param {string} svg
 * @param {string[]} heads
 * @param {string[][]} rows
 * @param {string} [about]
 */
function showFigure(figure, svg, heads, rows, about = "Time") {
  figure.replaceChildren();
  if (!svg) return;
  const drawn = new DOMParser().parseFromString(svg, "image/svg+xml").documentElement;
  const head = make("tr", {}, ...heads.map((textContent) => make("th", { scope: "col", textContent })));
  const table = make(
    "table",
    { className: "progress-table" },
    make("caption", { className: "visually-hidden", textContent: about }),
    make("thead", {}, head),
    make("tbody", {}, ...rows.map(row)),
  );
  const scroll = make("div", { className: "table-scroll", tabIndex: 0, role: "region", ariaLabel: `${about}: figures` }, table);
  const summary = make("summary", {}, "As a table", make("span", { className: "visually-hidden", textContent: `: ${about}` }));
  figure.append(document.importNode(drawn, true), make("details", {}, summary, scroll));
}

/** @param {string[]} cells */
function row(cells) {
  const [first, ...others] = cells;
  const values = others.map((textContent) => make("td", { textContent }));
  return make("tr", {}, make("th", { scope: "row", textContent: first }), ...values);
}

load();
