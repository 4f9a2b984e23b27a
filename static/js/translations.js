// Translate turns into the learner's language on request, if the server can.

import * as api from "./api.js";
import { announce, showError } from "./announce.js";
import { find } from "./dom.js";
import * as settings from "./settings.js";
/** @import { Turn } from "./types.d.ts" */

// Codes of the languages that this server translates into. There are none if no engine translates.
const OFFERED = (document.body.dataset.translations ?? "").split(" ").filter(Boolean);

/**
 * Return the language to translate into: that of the explanations. For explanations in English, return the first of the browser's
 * languages that is offered and is not English, or else any offered one, or undefined if there is none.
 * @param {{ explained?: string }} [options]
 * @returns {string | undefined}
 */
export function target({ explained = settings.get("language") } = {}) {
  if (explained !== "en" && OFFERED.includes(explained)) return explained;
  const others = OFFERED.filter((code) => code !== "en");
  return navigator.languages.map((tag) => tag.split("-")[0]).find((code) => others.includes(code)) ?? others[0];
}

/**
 * Show the turn's translation, or hide it again.
 * @param {Turn} turn
 * @param {string} conversation
 */
export async function toggleTranslation(turn, conversation) {
  const { id, element, text } = turn;
  const button = find(element, '[data-action="translate"]');
  const words = find(element, ".turn-translation");
  /** @param {boolean} on */
  const show = (on) => {
    words.hidden = !on;
    button.setAttribute("aria-pressed", String(on));
  };
  // The turn may be removed or changed during the request.
  const isThere = () => element.isConnected && turn.text === text;
  const language = target();
  if (!words.hidden && words.lang === language) return show(false);
  if (!language || button.getAttribute("aria-busy") === "true") return;
  button.setAttribute("aria-busy", "true");
  try {
    const translation = await api.translateMessage(conversation, id, language);
    if (!isThere()) return;
    Object.assign(words, { lang: language, textContent: translation });
    show(true);
    announce("Translated.");
  } catch (error) {
    if (isThere()) showError(error);
  } finally {
    button.removeAttribute("aria-busy");
  }
}
