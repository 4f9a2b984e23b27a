// Explain in plain words what to do when the microphone is refused, missing or silent.

import { find } from "./dom.js";
/** @import { MicrophoneCode } from "./microphone.js" */
/** @typedef {MicrophoneCode | "silent" | "stalled"} Trouble */

const browser = () => {
  const agent = navigator.userAgent;
  if (agent.includes("Firefox/")) return "firefox";
  if (agent.includes("Safari/") && !agent.includes("Chrom")) return "safari";
  return "chromium";
};

const ALLOW = {
  chromium: "Click the icon to the left of the address, switch Microphone on, then try again.",
  firefox: "Click the crossed-out microphone to the left of the address, remove the block, then try again.",
  safari: "Open Safari’s settings for this website (aA or the Safari menu), set Microphone to Allow, then try again.",
};

/** @type {Record<Trouble, (device: string) => { title: string; text: string; picker?: boolean; retry?: boolean }>} */
const HELP = {
  denied: () => ({
    title: "The microphone is blocked",
    text: `Your browser does not let this page hear you. ${ALLOW[browser()]} Until then you can type.`,
  }),
  missing: () => ({
    title: "No microphone was found",
    text: "Plug one in or switch your headset on, then try again. Until then you can type.",
    picker: true,
  }),
  busy: () => ({
    title: "The microphone can’t be opened",
    text: "Another program may be using it. Close other calls, or choose another microphone, then try again.",
    picker: true,
  }),
  silent: (device) => ({
    title: "No sound comes from the microphone",
    text: `${device ? `“${device}”` : "It"} is open, but the meter shows no signal. Is it muted, or is another one nearer to you?`,
    picker: true,
  }),
  stalled: () => ({
    title: "No sound has come from the microphone for 3 s",
    text: "A call or another program may have taken it. Tap anywhere to go on, or choose another microphone. Until then you can type.",
    picker: true,
  }),
  insecure: () => ({
    title: "This address can’t use a microphone",
    text: "Browsers allow it only on https:// addresses and on localhost. Open the page that way, or type instead.",
    retry: false,
  }),
  unsupported: () => ({
    title: "This browser can’t record",
    text: "Please use a current Chrome, Edge, Firefox or Safari. Until then you can type.",
    retry: false,
  }),
};

/**
 * Return in words what to do about a microphone that cannot be used.
 * @param {Trouble} code
 */
export const explained = (code) => HELP[code in HELP ? code : "busy"]("");

export class MicrophoneHelp {
  /** @param {{ element: HTMLElement; onRetry: () => void; onType: () => void }} options */
  constructor({ element, onRetry, onType }) {
    this.element = element;
    this.onType = onType;
    /** @type {Set<string | undefined>} */
    this.dismissed = new Set();
    find(element, '[data-action="retry"]').addEventListener("click", onRetry);
    find(element, '[data-action="dismiss"]').addEventListener("click", () => this.dismiss());
  }

  /** @param {Trouble} code @param {string} [device] */
  show(code, device = "") {
    if (this.dismissed.has(code) || this.element.dataset.code === code) return;
    const { title, text, picker = false, retry = true } = HELP[code](device);
    this.element.dataset.code = code;
    find(this.element, "h2").textContent = title;
    find(this.element, "p").textContent = text;
    find(this.element, "[data-picker]").hidden = !picker;
    find(this.element, '[data-action="retry"]').hidden = !retry;
    this.element.hidden = false;
  }

  /**
   * Hide the help. With a code, hide it only if it shows that code.
   * @param {string} [code]
   */
  hide(code = this.element.dataset.code) {
    if (this.element.dataset.code !== code) return;
    this.element.hidden = true;
    delete this.element.dataset.code;
  }

  dismiss() {
    this.dismissed.add(this.element.dataset.code);
    this.hide();
    this.onType();
  }
}
