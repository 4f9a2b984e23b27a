// Choose what to talk about: the cards, the level, and the learner's own topic.

import { announce } from "./announce.js";
import { scenarios as fetchScenarios } from "./api.js";
import { byId, clone, find, findAll, make } from "./dom.js";
import * as settings from "./settings.js";
/** @import { Scenario, TalkFacts } from "./types.d.ts" */

/** @typedef {{ scenario: Scenario; element: HTMLElement }} Card */

/** @type {Record<string, string>} */
const LEVEL_NAMES = { A1: "Beginner", A2: "Elementary", B1: "Intermediate", B2: "Upper intermediate", C1: "Advanced" };
/** @type {Record<string, string>} */
const KIND_NAMES = { lesson: "Lesson", adventure: "Adventure", interview: "Interview", exam: "Exam", own: "Yours" };
const OWN_WORDS = ["topic", "goal", "rules", "expectations"];

/**
 * Fill the page. Call `onStart(start)` when the learner is ready. Return a function that chooses a scenario and starts its talk.
 * @param {{ onStart: (start: TalkFacts & { title: string }) => void }} options
 */
export async function showSetup({ onStart }) {
  const { scenarios, levels } = await fetchScenarios();
  fillLevels(levels);
  showKinds(new Set(scenarios.map(({ kind }) => kind)));
  const cards = scenarios.map((scenario) => ({ scenario, element: card(scenario) }));
  const refresh = () => {
    filter(cards);
    const choice = wanted(cards);
    for (const card of cards) find(card.element, "input").checked = card === choice;
    showChoice(chosen(cards));
  };
  refresh();
  const first = chosen(cards);
  // Put the chosen card first, so that it is visible.
  cards.sort((a, b) => Number(b.scenario === first) - Number(a.scenario === first));
  byId("scenarios").replaceChildren(...cards.map(({ element }) => element));

  byId("setup-form").addEventListener("change", ({ target }) => {
    const { name, value } = /** @type {HTMLInputElement} */ (target);
    if (name === "level" || name === "scenario") settings.set(name, value);
    refresh();
    if (!byId("own-topic").hidden && ["kind", "scenario"].includes(name)) {
      byId("own-topic").scrollIntoView({ block: "nearest" });
      // On a low screen the focused element may have scrolled out of view.
      document.activeElement?.scrollIntoView({ block: "nearest" });
    }
  });
  settings.onChange("level", (level) => {
    const before = chosen(cards);
    find(document, `[name="level"][value="${level}"]`, HTMLInputElement).checked = true;
    refresh();
    const now = chosen(cards);
    if (now && now !== before) announce(`The topic is now ${now.title}.`);
  });
  /** @param {Scenario | undefined} scenario */
  const begin = (scenario) => {
    if (scenario)
      onStart({ scenario: scenario.id, title: scenario.title, level: settings.get("level"), own: ownWords(scenario) });
  };
  byId("setup-form").addEventListener("submit", (event) => {
    event.preventDefault();
    begin(chosen(cards));
  });
  /** @param {string} id */
  return (id) => begin(scenarios.find((scenario) => scenario.id === id));
}

/** @type {(cards: Card[]) => Scenario | undefined} */
const chosen = (cards) => cards.find(({ element }) => find(element, "input").checked)?.scenario;

/**
 * Return the topic that the learner chose, if it is shown, or else one of their level, preferably a quick chat. A hidden topic is
 * never chosen.
 * @param {Card[]} cards
 */
function wanted(cards) {
  const shown = cards.filter(({ element }) => !element.hidden);
  const suited = shown.filter(
    ({ scenario }) => scenario.level === settings.get("level") && !["own", "exam", "placement"].includes(scenario.kind),
  );
  return (
    shown.find(({ scenario }) => scenario.id === settings.get("scenario")) ??
    suited.find(({ scenario }) => scenario.kind === "chat") ??
    suited[0] ??
    shown[0]
  );
}

/** @param {string[]} levels */
function fillLevels(levels) {
  const options = levels.map((level) => {
    const input = make("input", { type: "radio", name: "level", value: level, checked: level === settings.get("level") });
    const name = make("span", { className: "level-name", textContent: LEVEL_NAMES[level] || "" });
    return make("label", {}, input, make("span", {}, `${level} `, name));
  });
  byId("level-options").replaceChildren(...options);
}

/** @param {Set<string>} there */
function showKinds(there) {
  for (const input of findAll(document, 'input[name="kind"]', HTMLInputElement)) {
    const isShown = input.value === "all" || there.has(input.value);
    input.closest("label")?.toggleAttribute("hidden", !isShown);
  }
}

/** @param {Scenario} scenario */
function card(scenario) {
  const element = clone("scenario-template");
  element.dataset.scenario = scenario.id;
  element.dataset.kind = scenario.kind;
  find(element, "input").value = scenario.id;
  find(element, "use", SVGUseElement).setAttribute("href", `${document.body.dataset.icons}#${scenario.icon}`);
  find(element, "strong").textContent = scenario.title;
  find(element, ".scenario-summary").textContent = scenario.summary;
  find(element, ".scenario-facts").textContent = ["own", "placement"].includes(scenario.kind)
    ? "Any level"
    : [scenario.level, KIND_NAMES[scenario.kind]].filter(Boolean).join(" · ");
  return element;
}

/** @param {Card[]} cards */
function filter(cards) {
  const kind = find(document, 'input[name="kind"]:checked', HTMLInputElement).value;
  const level = settings.get("level");
  const onlyMine = byId("only-my-level", HTMLInputElement).checked;
  byId("scenarios").hidden = kind === "own";
  byId("only-level").textContent = level;
  for (const { scenario, element } of cards) {
    const fits = kind === "all" || scenario.kind === kind;
    const suits = !onlyMine || scenario.level === level || ["own", "placement"].includes(scenario.kind);
    element.hidden = !(fits && suits);
  }
  byId("no-scenarios").hidden = cards.some(({ element }) => !element.hidden);
}

/** @param {Scenario | undefined} scenario */
function showChoice(scenario) {
  const own = scenario?.kind === "own";
  const fields = byId("own-topic", HTMLFieldSetElement);
  fields.hidden = fields.disabled = !own;
  byId("own-topic-topic", HTMLInputElement).required = own;
  byId("start-title").textContent = scenario ? scenario.title : "Choose a topic";
  byId("start-level").textContent = scenario ? `at level ${settings.get("level")}` : "";
  byId("start", HTMLButtonElement).disabled = !scenario;
}

/** @param {Scenario} scenario @returns {Record<string, string>} */
function ownWords(scenario) {
  if (scenario.kind !== "own") return {};
  const form = new FormData(byId("setup-form", HTMLFormElement));
  return Object.fromEntries(OWN_WORDS.map((name) => [name, String(form.get(name)).trim()]).filter(([, value]) => value));
}
