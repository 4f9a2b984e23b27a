// Call the server's REST API. Failures raise ApiError, whose message can be shown as it is.

import * as cloud from "./cloud-state.js";
/** @import { Conversation, Goal, ImportResult, Message, PrivacyChoices, Scenario } from "./types.d.ts" */

export class ApiError extends Error {
  /** @param {string} message @param {number} status HTTP status, or 0 if the server was not reached */
  constructor(message, status) {
    super(message);
    this.status = status;
  }

  get retryable() {
    // 507: the learner's storage is full. A retry does not help.
    const passes = this.status >= 500 && this.status !== 507;
    return this.status === 0 || this.status === 408 || this.status === 429 || passes;
  }
}

/**
 * @param {string} method
 * @param {string} path
 * @param {object} [body] Sent as JSON, unless it is a FormData
 * @returns {Promise<any>}
 */
export async function call(method, path, body) {
  const json = body && !(body instanceof FormData);
  let answer;
  try {
    answer = await fetch(path, {
      method,
      headers: json ? { "Content-Type": "application/json" } : {},
      body: json ? JSON.stringify(body) : body,
      credentials: "same-origin",
    });
  } catch {
    cloud.forget();
    throw new ApiError("The server can't be reached. Check your connection and try again.", 0);
  }
  const data = await answer.json().catch(() => ({}));
  cloud.observe(data);
  if (!answer.ok) {
    throw new ApiError(data.error || `The server could not do that (${answer.status}). Please try again.`, answer.status);
  }
  return data;
}

/** @type {(id: string) => string} */
const conversationPath = (id) => `/api/conversations/${encodeURIComponent(id)}`;

/** @type {() => Promise<{ scenarios: Scenario[]; levels: string[] }>} */
export const scenarios = () => call("GET", "/api/scenarios");
/** @type {(limit: number) => Promise<{ conversations: Conversation[]; storage: string; down?: Record<string, string> }>} */
export const history = (limit) => call("GET", `/api/conversations?limit=${limit}`);
/** @type {(id: string) => Promise<Conversation>} */
export const conversation = async (id) => (await call("GET", conversationPath(id))).conversation;
/** @type {(id: string, title: string) => Promise<Conversation>} */
export const rename = async (id, title) => (await call("PATCH", conversationPath(id), { title })).conversation;
/** @type {(id: string) => Promise<unknown>} */
export const endTalk = (id) => call("PATCH", conversationPath(id), { callEnded: true });
/** @type {(id: string) => Promise<unknown>} */
export const remove = (id) => call("DELETE", conversationPath(id));
/** @type {() => Promise<unknown>} */
export const removeAll = () => call("DELETE", "/api/conversations?clearAll=true");
/** @type {(id: string) => Promise<unknown>} */
export const restore = (id) => call("POST", `${conversationPath(id)}/restore`);
/** @type {(id: string, form: FormData) => Promise<{ message: Message; goals?: Goal[] }>} */
export const sendTurn = (id, form) => call("POST", `${conversationPath(id)}/turns`, form);
/** @type {(key: string) => Promise<string>} */
export const audioUrl = async (key) => (await call("GET", `/api/audio?key=${encodeURIComponent(key)}`)).url;

/** @type {() => Promise<{ yours: PrivacyChoices }>} */
export const privacy = () => call("GET", "/api/privacy");
/** @type {(choices: { keepsAudio?: boolean; retentionDays?: number | null; eraseRecordings?: true }) => Promise<PrivacyChoices>} */
export const choosePrivacy = async (choices) => (await call("PATCH", "/api/privacy", choices)).yours;

/**
 * Save a better transcript and return {message, notCorrected?}. `notCorrected` says why the message could not be checked for
 * mistakes.
 * @param {string} id
 * @param {string} message
 * @param {string} content
 * @returns {Promise<{ message: Message; notCorrected?: string }>}
 */
export function replaceWords(id, message, content) {
  return call("PATCH", `${conversationPath(id)}/messages/${encodeURIComponent(message)}`, { content });
}

/**
 * Return the message translated into `targetLanguage`.
 * @param {string} id
 * @param {string} message
 * @param {string} targetLanguage
 * @returns {Promise<string>}
 */
export async function translateMessage(id, message, targetLanguage) {
  const path = `${conversationPath(id)}/messages/${encodeURIComponent(message)}/translation`;
  return (await call("POST", path, { targetLanguage })).translation;
}

/**
 * Request an analysis of the whole talk. The server stores it with the talk.
 * @type {(id: string) => Promise<unknown>}
 */
export const analyse = async (id) => (await call("POST", `${conversationPath(id)}/analysis`, {})).analysis;

/**
 * Import entries and return the result of each one. There are fewer results than entries if the storage failed meanwhile.
 * @param {unknown[]} entries
 * @param {{ bringBack?: boolean }} [options]
 * @returns {Promise<ImportResult[]>}
 */
export async function importEntries(entries, { bringBack = false } = {}) {
  return (await call("POST", "/api/import", { entries, bring_back: bringBack })).results;
}
