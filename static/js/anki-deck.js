// Let the server make an Anki deck of mistakes, show how far it is, and download it.

import { showError } from "./announce.js";
import { call } from "./api.js";
/** @import { ExportState } from "./types.d.ts" */

const POLL = 1000; // ms

/**
 * Make the deck when the button is pressed. `conversation` returns the id of the one talk that it is of, or "" for all talks.
 * @param {HTMLButtonElement} button
 * @param {HTMLElement} status
 * @param {() => string} [conversation]
 */
export function offerDeck(button, status, conversation = () => "") {
  button.addEventListener("click", async () => {
    const id = conversation();
    /** @param {string} text */
    const tell = (text) => {
      if (conversation() === id) status.textContent = text;
    };
    button.disabled = true;
    try {
      await made(id, tell);
      location.assign("/api/me/anki/file");
      tell("The cards are downloaded. Open the file with Anki.");
    } catch (error) {
      tell("");
      showError(error);
    } finally {
      button.disabled = false;
    }
  });
}

/** @param {string} id @param {(text: string) => void} tell */
async function made(id, tell) {
  let state = /** @type {ExportState} */ ((await call("POST", "/api/me/anki", { conversation: id })).export);
  while (state.state === "waiting" || state.state === "running") {
    tell(`Making the cards: ${state.percent} %`);
    await new Promise((resolve) => setTimeout(resolve, POLL));
    state = (await call("GET", "/api/me/anki")).export;
  }
  if (state.state === "failed") throw new Error(`There are no cards. ${state.error}`);
  // Another window has ordered the cards of another talk.
  if ((state.conversation ?? "") !== id) throw new Error("Other cards were being made. Try again.");
}
