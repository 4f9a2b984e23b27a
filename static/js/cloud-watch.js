// Show the banner about the cloud while one of its services is down.

import * as api from "./api.js";
import { toast } from "./announce.js";
import * as cloud from "./cloud-state.js";
import { byId, find } from "./dom.js";

const ASK_EVERY = 5000;
// Pauses between checks. A talk that waits for longer than all of them has a different problem.
const SETTLING = [1000, 2000, 4000, 8000, 16_000, 30_000]; // ms
const NEWEST = 50;
const KEPT = "Cloud storage can't be reached. Everything you say is kept safely on this server and moves to the cloud by itself.";
const OUT_OF_REACH = [
  // The recordings of those talks cannot be reached either.
  ["database", "Until then, older talks are out of reach."],
  ["audio bucket", "Until then, older recordings may not play."],
];

const settled = new EventTarget();
/** @type {number | undefined} */
let timer;
let settling = false;
let recordingsWait = false;

/**
 * Call `listener()` when everything that waited for the cloud has moved there.
 * @param {() => void} listener
 */
export function onSettled(listener) {
  settled.addEventListener("settled", listener);
}

/** @param {Record<string, string> | null} down */
function show(down) {
  const banner = byId("degraded");
  banner.hidden = !down || !Object.keys(down).length;
  if (!down || banner.hidden) return;
  const [, missing] = OUT_OF_REACH.find(([service]) => service in down) || [];
  find(banner, "p").textContent = [KEPT, missing].filter(Boolean).join(" ");
}

// Polling

function plan() {
  clearTimeout(timer);
  if (cloud.anyDown()) timer = setTimeout(ask, ASK_EVERY);
}

async function ask() {
  // `api.call` reads the cloud's state from the answer. Ignore failures, because a lost connection is reported elsewhere.
  if (!document.hidden && navigator.onLine) await api.history(1).catch(() => {});
  plan();
}

// After the cloud has recovered

/** Poll until none of the newest talks waits for the cloud. Then show a notice. */
export async function settle() {
  if (settling) return;
  settling = true;
  for (const pause of SETTLING) {
    await new Promise((resolve) => setTimeout(resolve, pause));
    if (document.hidden) await new Promise((resolve) => document.addEventListener("visibilitychange", resolve, { once: true }));
    if (cloud.anyDown() || (await nothingWaits())) break;
  }
  settling = false;
}

async function nothingWaits() {
  const answer = await api.history(NEWEST).catch(() => null);
  if (!answer || cloud.anyDown() || answer.conversations.some(({ storage }) => storage === "local")) return false;
  // The list does not say where recordings are stored.
  toast(
    recordingsWait
      ? "Cloud storage is back. Recordings that were kept here move there by themselves."
      : "Everything you said is in the cloud again.",
  );
  recordingsWait = false;
  settled.dispatchEvent(new Event("settled"));
  return true;
}

cloud.onChange(({ down, returned }) => {
  show(down);
  plan();
  recordingsWait ||= returned.includes("audio bucket");
  if (returned.length && !cloud.anyDown()) settle();
});
document.addEventListener("visibilitychange", () => cloud.anyDown() && !document.hidden && ask());
