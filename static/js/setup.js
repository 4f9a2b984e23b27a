// Choose what to talk about: the cards, the level, and the learner's own topic.

import { announce } from "./announce.js";
import { scenarios as fetchScenarios } from "./api.js";
import * as settings from "./settings.js";

const LEVEL_NAMES = { A1: "Beginner", A2: "Elementary", B1: "Intermediate", B2: "Upper intermediate", C1: "Advanced" };
const KIND_NAMES = { chat: "", lesson: "Lesson", adventure: "Adventure", interview: "Interview", own: "Yours" };
const OWN_WORDS = ["topic", "goal", "rules", "expectations"];

const byId = (id) => document.getElementById(id);

/** Fill the page. Call `onStart({scenario, title, level, topic, goal, rules, expectations})` when the learner is ready. */
export async function showSetup({ onStart }) {
  const { scenarios, levels } = await fetchScenarios();
  fillLevels(levels);
  showKinds(new Set(scenarios.map(({ kind }) => kind)));
  const cards = scenarios.map((scenario) => ({ scenario, element: card(scenario) }));
  const refresh = () => {
    filter(cards);
    choose(cards, wanted(cards));
    showChoice(chosen(cards));
  };
  refresh();
  const first = chosen(cards);
  // Put the chosen card first, so that it is visible.
  cards.sort((a, b) => (b.scenario === first) - (a.scenario === first));
  byId("scenarios").replaceChildren(...cards.map(({ element }) => element));

  byId("setup-form").addEventListener("change", ({ target }) => {
    if (target.name === "level") settings.set("level", target.value);
    if (target.name === "scenario") settings.set("scenario", target.value);
    refresh();
    if (!byId("own-topic").hidden && ["kind", "scenario"].includes(target.name)) {
      byId("own-topic").scrollIntoView({ block: "nearest" });
      // On a low screen the focused element may have scrolled out of view.
      document.activeElement.scrollIntoView({ block: "nearest" });
    }
  });
  settings.onChange("level", (level) => {
    const before = chosen(cards);
    document.querySelector(`[name="level"][value="${level}"]`).checked = true;
    refresh();
    const now = chosen(cards);
    if (now && now !== before) announce(`The topic is now ${now.title}.`);
  });
  byId("setup-form").addEventListener("submit", (event) => {
    event.preventDefault();
    const scenario = chosen(cards);
    if (scenario) onStart({ scenario: scenario.id, title: scenario.title, level: settings.get("level"), ...ownWords(scenario) });
  });
}

const chosen = (cards) => cards.find(({ element }) => element.querySelector("input").checked)?.scenario;

function choose(cards, found) {
  for (const each of cards) each.element.querySelector("input").checked = each === found;
}

/**
 * Return the topic that the learner chose, if it is shown, or else one of their level, preferably a quick chat. A hidden topic is
 * never chosen.
 */
function wanted(cards) {
  const shown = cards.filter(({ element }) => !element.hidden);
  const suited = shown.filter(({ scenario }) => scenario.level === settings.get("level") && scenario.kind !== "own");
  return (
    shown.find(({ scenario }) => scenario.id === settings.get("scenario")) ??
    suited.find(({ scenario }) => scenario.kind === "chat") ??
    suited[0] ??
    shown[0]
  );
}

function fillLevels(levels) {
  const options = levels.map((level) => {
    const label = document.createElement("label");
    const input = Object.assign(document.createElement("input"), { type: "radio", name: "level", value: level });
    input.checked = level === settings.get("level");
    const name = Object.assign(document.createElement("span"), {
      className: "level-name",
      textContent: LEVEL_NAMES[level] || "",
    });
    const text = document.createElement("span");
    text.append(`${level} `, name);
    label.append(input, text);
    return label;
  });
  byId("level-options").replaceChildren(...options);
}

function showKinds(there) {
  for (const input of document.getElementsByName("kind")) {
    input.closest("label").hidden = input.value !== "all" && !there.has(input.value);
  }
}

function card(scenario) {
  const element = byId("scenario-template").content.firstElementChild.cloneNode(true);
  element.dataset.scenario = scenario.id;
  element.dataset.kind = scenario.kind;
  element.querySelector("input").value = scenario.id;
  element.querySelector("use").setAttribute("href", `${document.body.dataset.icons}#${scenario.icon}`);
  element.querySelector("strong").textContent = scenario.title;
  element.querySelector(".scenario-summary").textContent = scenario.summary;
  element.querySelector(".scenario-facts").textContent =
    scenario.kind === "own" ? "Any level" : [scenario.level, KIND_NAMES[scenario.kind]].filter(Boolean).join(" · ");
  return element;
}

function filter(cards) {
  const kind = document.querySelector('[name="kind"]:checked').value;
  const level = settings.get("level");
  const onlyMine = byId("only-my-level").checked;
  byId("scenarios").hidden = kind === "own";
  byId("only-level").textContent = level;
  let shown = 0;
  for (const { scenario, element } of cards) {
    const fits = kind === "all" || scenario.kind === kind;
    const suits = !onlyMine || scenario.level === level || scenario.kind === "own";
    element.hidden = !(fits && suits);
    if (fits && suits) shown += 1;
  }
  byId("no-scenarios").hidden = shown > 0;
}

function showChoice(scenario) {
  const own = scenario?.kind === "own";
  byId("own-topic").hidden = !own;
  byId("own-topic").disabled = !own;
  byId("own-topic-topic").required = own;
  byId("start-title").textContent = scenario ? scenario.title : "Choose a topic";
  byId("start-level").textContent = scenario ? `at level ${settings.get("level")}` : "";
  byId("start").disabled = !scenario;
}

function ownWords(scenario) {
  if (scenario.kind !== "own") return {};
  const form = new FormData(byId("setup-form"));
  return Object.fromEntries(OWN_WORDS.map((name) => [name, form.get(name).trim()]).filter(([, value]) => value));
}
