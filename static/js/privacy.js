// Let the learner choose whether recordings are kept, and for how long talks are kept. The server holds the choices, for all devices.

import { choosePrivacy, privacy } from "./api.js";
import { button, byId, findAll } from "./dom.js";
import * as settings from "./settings.js";
/** @import { PrivacyChoices } from "./types.d.ts" */

const REFUSED = "From now on only words are kept. You can also erase the recordings made so far.";
const UNSENT = "This device keeps only words from now on. The server can't be reached. It gets your choice as soon as it can be.";
const KEPT = "Recordings are kept again.";
const REALLY = "This erases the recordings of all your talks, here and on other devices. Your words stay.";
const ERASING = "Your recordings are being erased. That takes about a minute.";

const ERASE = "Erase all recordings so far";

/** Bind the fields in the settings. Return a function that shows the server's choices in them. */
export function bindPrivacy() {
  const keepsAudio = byId("setting-keeps-audio", HTMLInputElement);
  const retention = byId("setting-retention", HTMLSelectElement);
  const erase = byId("erase-recordings", HTMLButtonElement);
  let days = "";

  /** @param {(string | Node)[]} parts */
  const say = (...parts) => byId("privacy-status").replaceChildren(...parts);
  const show = () => {
    keepsAudio.checked = settings.get("keepsAudio");
    for (const each of findAll(document, "[data-keeps-audio]"))
      each.hidden = each.dataset.keepsAudio !== String(keepsAudio.checked);
  };
  /** @param {PrivacyChoices} yours */
  const take = (yours) => {
    // An answer to something else must not undo a refusal that the server does not know yet.
    if (!(settings.get("refusalUnsent") && yours.keepsAudio)) {
      settings.set("refusalUnsent", false);
      settings.set("keepsAudio", yours.keepsAudio);
    }
    days = String(yours.retentionDays ?? "");
    retention.value = days;
    // The site keeps talks for a shorter time by now.
    if (retention.selectedIndex === -1) retention.value = "";
    erase.disabled = yours.erasingRecordings;
    show();
  };
  let latest = 0;
  /**
   * Show the answer, unless another call was made meanwhile: a late answer must not undo a choice.
   * @param {Promise<PrivacyChoices>} answer
   */
  const ask = async (answer) => {
    const number = (latest += 1);
    const yours = await answer;
    if (number === latest) take(yours);
  };
  const sendRefusal = () => ask(choosePrivacy({ keepsAudio: false }));

  const load = async () => {
    say();
    erase.textContent = ERASE;
    try {
      if (settings.get("refusalUnsent")) await sendRefusal();
      else await ask(privacy().then(({ yours }) => yours));
    } catch {
      // The fields show what this browser knows.
      if (settings.get("refusalUnsent")) say(UNSENT);
    }
  };

  const refuse = async () => {
    // At once, and whether or not the server can be reached.
    settings.set("refusalUnsent", true);
    settings.set("keepsAudio", false);
    try {
      await sendRefusal();
      say(REFUSED);
    } catch {
      say(UNSENT);
    }
  };
  const allow = async () => {
    const unsent = settings.get("refusalUnsent");
    settings.set("refusalUnsent", false);
    try {
      await ask(choosePrivacy({ keepsAudio: true }));
      say(KEPT);
    } catch (error) {
      settings.set("refusalUnsent", unsent);
      show();
      say(error.message);
    }
  };
  /** @param {string} chosen */
  const keepFor = async (chosen) => {
    const before = days;
    try {
      await ask(choosePrivacy({ retentionDays: chosen ? Number(chosen) : null }));
      const undo = button("link-button", "Undo", () => keepFor(before).then(() => retention.focus()));
      say(chosen ? `In ten minutes, talks older than ${chosen} days begin to be erased. ` : "Saved. ", undo);
    } catch (error) {
      retention.value = before;
      say(error.message);
    }
  };
  const eraseAll = async () => {
    if (erase.textContent === ERASE) {
      erase.textContent = "Yes, erase them for good";
      say(REALLY);
      return;
    }
    erase.textContent = ERASE;
    try {
      await ask(choosePrivacy({ eraseRecordings: true }));
      say(ERASING);
    } catch (error) {
      say(error.message);
    }
  };

  keepsAudio.addEventListener("change", () => (keepsAudio.checked ? allow() : refuse()));
  retention.addEventListener("change", () => keepFor(retention.value));
  erase.addEventListener("click", eraseAll);
  settings.onChange("keepsAudio", show);
  show();
  if (settings.get("refusalUnsent")) load();
  return load;
}
