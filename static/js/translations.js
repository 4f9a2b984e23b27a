// Turns in the learner's language, on request.

import * as api from "./api.js";
import { announce, toast } from "./announce.js";
import * as settings from "./settings.js";

const CANNOT = "The partner on this site can't translate.";

/** The language to translate into. Who has explanations in English still wants another language for a translation. */
export function target() {
  const language = settings.get("language");
  return language === "en" ? "vi" : language;
}

export class Translations {
  /** `conversation()`: the id of the one whose turns are shown in `list`. */
  constructor({ list, conversation }) {
    Object.assign(this, { list, conversation });
  }

  /** Shows the turn's translation, or hides it again. */
  async toggle(turn) {
    const { id, element, text } = turn;
    const isThere = () => element.isConnected && turn.text === text; // it may go, or be mended, while we wait
    const button = element.querySelector('[data-action="translate"]');
    const words = element.querySelector(".turn-translation");
    const language = target();
    if (!words.hidden && words.lang === language) return this.hide(element);
    if (button.getAttribute("aria-busy") === "true") return undefined;
    button.setAttribute("aria-busy", "true");
    try {
      const translation = await api.translateMessage(this.conversation(), id, language);
      if (isThere()) this.show(element, translation, language);
    } catch (error) {
      if (isThere()) this.fail(error);
    } finally {
      button.removeAttribute("aria-busy");
    }
    return undefined;
  }

  show(element, text, language) {
    const words = element.querySelector(".turn-translation");
    words.lang = language;
    words.textContent = text;
    words.hidden = false;
    element.querySelector('[data-action="translate"]').setAttribute("aria-pressed", "true");
    announce("Translated.");
  }

  hide(element) {
    element.querySelector(".turn-translation").hidden = true;
    element.querySelector('[data-action="translate"]').setAttribute("aria-pressed", "false");
  }

  // What cannot be translated now cannot be translated in the next turn either: the buttons go.
  fail(error) {
    if (error.status !== 501) return void toast(error.message, { kind: "error" });
    this.list.dataset.untranslatable = "";
    return void toast(CANNOT);
  }
}
