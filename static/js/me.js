// Run the learner's own page: what is kept, the export, API tokens, and the erasure.

import "./page.js";
import { announce, showError, toast } from "./announce.js";
import { call } from "./api.js";
import { byId, clone, find, make } from "./dom.js";
import { plural } from "./format.js";
import { openOutbox } from "./outbox.js";
import { linkItem, links } from "./share-links.js";
/** @import { ApiToken, ExportState, OwnData } from "./types.d.ts" */

const POLL = 1000; // ms
const DATE = new Intl.DateTimeFormat("en", { day: "numeric", month: "long", year: "numeric" });
const MOMENT = new Intl.DateTimeFormat("en", { weekday: "long", hour: "numeric", minute: "2-digit" });

/** @type {(bytes: number) => string} */
const megabytes = (bytes) => {
  const size = bytes / 2 ** 20;
  return `${size >= 10 || size === 0 ? Math.round(size) : Math.max(0.1, size).toFixed(1)} MB`;
};

/** @type {(kept: OwnData["kept"]) => string} */
const spoken = ({ minutes, recordings }) => (recordings && minutes < 1 ? "under a minute" : `${Math.round(minutes)} min`);

/** @type {OwnData | undefined} */
let own;

// What is kept

async function loadOwn() {
  own = await call("GET", "/api/me");
  showKept(/** @type {OwnData} */ (own));
  showExport(/** @type {OwnData} */ (own).export);
}

/** @param {OwnData} data */
function showKept({ learner, kept, degraded }) {
  const share = Math.min(100, Math.round((100 * kept.bytes) / kept.bytesLimit));
  byId("fact-talks").textContent = String(kept.conversations);
  byId("fact-recordings").textContent = String(kept.recordings);
  byId("fact-minutes").textContent = spoken(kept);
  byId("storage-text").textContent = `Sound: ${megabytes(kept.bytes)} of ${megabytes(kept.bytesLimit)}`;
  byId("storage-bar").setAttribute("aria-valuenow", String(share));
  find(byId("storage-bar"), "span").style.width = `${share}%`;
  byId("learner-id").textContent = learner;
  for (const id of ["facts", "storage", "learner-line"]) byId(id).hidden = false;
  byId("kept-status").hidden = !degraded;
  byId("kept-status").textContent = degraded ? "A part of the cloud is down, so this may be less than there is." : "";
}

// The export

/** @type {number | undefined} */
let polling;

/** @param {ExportState | null} state */
function showExport(state) {
  const runs = state?.state === "waiting" || state?.state === "running";
  const failed = state?.state === "failed";
  const done = state?.state === "done";
  byId("export-running").hidden = !runs;
  byId("export-error").hidden = !failed;
  byId("export-done").hidden = byId("export-link").hidden = !done;
  const start = byId("export", HTMLButtonElement);
  start.disabled = runs;
  start.textContent = failed ? "Try again" : done ? "Export again" : "Export everything";
  if (runs) {
    byId("export-text").textContent = state.state === "waiting" ? "Waiting…" : `Collecting: ${state.percent} %`;
    byId("export-bar").setAttribute("aria-valuenow", String(state.percent));
    find(byId("export-bar"), "span").style.width = `${state.percent}%`;
    clearTimeout(polling);
    polling = setTimeout(pollExport, POLL);
  }
  if (failed) byId("export-error").textContent = `There is no file. ${state.error}`;
  if (done) {
    const until = state.keptUntil ? ` It is kept until ${MOMENT.format(state.keptUntil)}.` : "";
    const lost = state.unheard ? ` The sound of ${plural(state.unheard, "recording")} is lost on the server.` : "";
    byId("export-done").textContent = `Your file is ready, ${megabytes(state.size)}.${until}${lost}`;
  }
}

async function pollExport() {
  try {
    const { export: state } = await call("GET", "/api/me/export");
    showExport(state);
    if (state?.state === "done") announce("Your export is ready.");
    if (state?.state === "failed") announce(state.error);
  } catch {
    polling = setTimeout(pollExport, POLL);
  }
}

byId("export").addEventListener("click", async () => {
  try {
    showExport((await call("POST", "/api/me/export")).export);
  } catch (error) {
    showError(error);
  }
});

// Tokens

async function loadTokens() {
  showTokens((await call("GET", "/api/me/tokens")).tokens);
}

/** @param {ApiToken[]} tokens */
function showTokens(tokens) {
  byId("tokens").replaceChildren(...tokens.map(tokenItem));
  byId("no-tokens").hidden = tokens.length > 0;
}

/** @param {ApiToken} token */
function tokenItem(token) {
  const item = clone("token-template");
  const used = token.usedAt ? `last used ${DATE.format(token.usedAt)}` : "never used";
  const over = token.expiresAt && token.expiresAt < Date.now();
  const until = token.expiresAt ? `${over ? "expired" : "valid until"} ${DATE.format(token.expiresAt)}` : "does not expire";
  find(item, ".token-name").textContent = token.name;
  find(item, ".token-facts").textContent = `${used} · ${until}`;
  find(item, ".visually-hidden").textContent = ` ${token.name}`;
  find(item, "button").addEventListener("click", async () => {
    try {
      await call("DELETE", `/api/me/tokens/${token.id}`);
      await loadTokens();
      byId("token-name").focus();
      toast(`The token “${token.name}” was revoked.`);
    } catch (error) {
      showError(error);
    }
  });
  return item;
}

// Shared talks

async function loadLinks() {
  const found = await links();
  byId("links").replaceChildren(...found.links.map((link) => linkItem(link, linkRevoked)));
  byId("no-links").hidden = found.links.length > 0;
}

async function linkRevoked() {
  await loadLinks();
  byId("links-title").focus();
}

byId("token-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const name = byId("token-name", HTMLInputElement);
  const life = Number(byId("token-life", HTMLSelectElement).value);
  try {
    const { secret } = await call("POST", "/api/me/tokens", { name: name.value, expiresInDays: life || null });
    name.value = "";
    byId("secret").textContent = secret;
    byId("secret-box").hidden = false;
    byId("secret-title").focus();
    await loadTokens();
  } catch (error) {
    showError(error);
  }
});

byId("copy-secret").addEventListener("click", async () => {
  try {
    await navigator.clipboard.writeText(byId("secret").textContent ?? "");
    toast("Copied.");
  } catch {
    getSelection()?.selectAllChildren(byId("secret"));
    toast("Copying is not allowed here. The token is selected: copy it yourself.");
  }
});

byId("hide-secret").addEventListener("click", () => {
  byId("secret").textContent = "";
  byId("secret-box").hidden = true;
  byId("token-name").focus();
});

// The erasure

const dialog = byId("erase-dialog", HTMLDialogElement);
const words = byId("erase-words", HTMLInputElement);

byId("erase").addEventListener("click", () => {
  const { kept } = own ?? {};
  const counts = kept
    ? [
        plural(kept.conversations, "talk"),
        `${plural(kept.recordings, "recording")}, ${megabytes(kept.bytes)}`,
        `${spoken(kept)} of your voice`,
        plural(byId("tokens").children.length, "API token"),
        plural(byId("links").children.length, "shared talk"),
      ]
    : ["Everything, though it cannot be counted now"];
  const { account } = byId("erase-counts").dataset;
  if (account !== undefined) counts.push(`Your account ${account}, on all devices`);
  byId("erase-counts").replaceChildren(...counts.map((text) => make("li", { textContent: text })));
  byId("erase-error").hidden = true;
  words.value = "";
  dialog.showModal();
});
byId("erase-cancel").addEventListener("click", () => dialog.close());

byId("erase-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const confirm = byId("erase-confirm", HTMLButtonElement);
  confirm.disabled = true;
  try {
    const { message } = await call("POST", "/api/me/erasure", { confirm: words.value });
    await forgetHere();
    dialog.close();
    toast(message, { seconds: 20 });
    showSignedOut();
    await Promise.all([loadOwn(), loadTokens(), loadLinks()]);
    byId("main").focus();
  } catch (error) {
    byId("erase-error").hidden = false;
    byId("erase-error").textContent = error.message;
  } finally {
    confirm.disabled = false;
  }
});

/** Show that this browser is not signed in any more: the account was erased. */
function showSignedOut() {
  const link = find(document.body, ".account-link", HTMLAnchorElement);
  link.replaceChildren("Sign in");
  link.removeAttribute("title");
  link.href = "/account/login/";
  delete byId("erase-counts").dataset.account;
}

/** Erase what this browser keeps: turns that wait to be saved would otherwise come back as a new learner's. */
async function forgetHere() {
  const outbox = await openOutbox();
  for (const { key } of await outbox.list()) await outbox.remove(key);
  localStorage.clear();
  sessionStorage.clear();
  byId("secret").textContent = "";
  byId("secret-box").hidden = true;
}

/** @param {{ message: string }} error */
function fail({ message }) {
  byId("kept-status").hidden = false;
  byId("kept-status").textContent = message;
}

await Promise.all([loadOwn().catch(fail), loadTokens().catch(showError), loadLinks().catch(showError)]);
