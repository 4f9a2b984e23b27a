// The banner about the cloud: shown while a half of it is down, and taken away as soon as it is not.

import * as api from "./api.js";
import { toast } from "./announce.js";
import * as cloud from "./cloud-state.js";

const ASK_EVERY = 5000;
const SETTLING = [1000, 2000, 4000, 8000, 16_000, 30_000]; // pauses; whatever waits for longer than this has a trouble of its own
const NEWEST = 50;
const KEPT = "Cloud storage can't be reached. Everything you say is kept safely on this server and moves to the cloud by itself.";
const OUT_OF_REACH = [
  ["database", "Until then, older talks are out of reach."], // and their recordings with them
  ["audio bucket", "Until then, older recordings may not play."],
];

const settled = new EventTarget();
let timer = null;
let settling = false;
let recordingsWait = false;

/** `listener()`: what had to wait for the cloud is there now. */
export function onSettled(listener) {
  settled.addEventListener("settled", listener);
}

function show(down) {
  const banner = document.getElementById("degraded");
  banner.hidden = !down || !Object.keys(down).length;
  if (banner.hidden) return;
  const [, missing] = OUT_OF_REACH.find(([half]) => half in down) || [];
  banner.querySelector("p").textContent = [KEPT, missing].filter(Boolean).join(" ");
}

// Asking

function plan() {
  clearTimeout(timer);
  timer = cloud.anyDown() ? setTimeout(ask, ASK_EVERY) : null;
}

async function ask() {
  // The answer is heeded where it comes in. There may be none: a lost line is told of elsewhere.
  if (!document.hidden && navigator.onLine) await api.history(1).catch(() => {});
  plan();
}

// After it has come back

/** Asks until none of the newest talks waits for the cloud any more, and then says so. */
export async function settle() {
  if (settling) return;
  settling = true;
  for (const pause of SETTLING) {
    await new Promise((resolve) => setTimeout(resolve, pause));
    await visible();
    if (cloud.anyDown() || (await nothingWaits())) break;
  }
  settling = false;
}

async function nothingWaits() {
  const answer = await api.history(NEWEST).catch(() => null);
  if (!answer || cloud.anyDown() || answer.conversations.some(({ storage }) => storage === "local")) return false;
  // A list does not say where recordings are.
  toast(
    recordingsWait
      ? "Cloud storage is back. Recordings that were kept here move there by themselves."
      : "Everything you said is in the cloud again.",
  );
  recordingsWait = false;
  settled.dispatchEvent(new Event("settled"));
  return true;
}

function visible() {
  if (!document.hidden) return undefined;
  return new Promise((resolve) => document.addEventListener("visibilitychange", resolve, { once: true }));
}

cloud.onChange(({ down, returned }) => {
  show(down);
  plan();
  recordingsWait ||= returned.includes("audio bucket");
  if (returned.length && !cloud.anyDown()) settle();
});
document.addEventListener("visibilitychange", () => cloud.anyDown() && !document.hidden && ask());
