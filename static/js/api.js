// Call the server's REST API. Failures raise ApiError, whose message can be shown as it is.

import * as cloud from "./cloud-state.js";

export class ApiError extends Error {
  constructor(message, status) {
    super(message);
    // 0 if the server was not reached.
    this.status = status;
  }

  get retryable() {
    // 507: the learner's storage is full. A retry does not help.
    const passes = this.status >= 500 && this.status !== 507;
    return this.status === 0 || this.status === 408 || this.status === 429 || passes;
  }
}

export async function call(method, path, body) {
  const multipart = body instanceof FormData;
  let answer;
  try {
    answer = await fetch(path, {
      method,
      headers: body && !multipart ? { "Content-Type": "application/json" } : {},
      body: body && !multipart ? JSON.stringify(body) : body,
      credentials: "same-origin",
    });
  } catch {
    cloud.forget();
    throw new ApiError("The server can't be reached. Check your connection and try again.", 0);
  }
  const data = await answer.json().catch(() => ({}));
  cloud.heed(data);
  if (!answer.ok) {
    throw new ApiError(data.error || `The server could not do that (${answer.status}). Please try again.`, answer.status);
  }
  return data;
}

const conversationPath = (id) => `/api/conversations/${encodeURIComponent(id)}`;

export const scenarios = () => call("GET", "/api/scenarios");
export const history = (limit) => call("GET", `/api/conversations?limit=${limit}`);
export const conversation = async (id) => (await call("GET", conversationPath(id))).conversation;
export const rename = async (id, title) => (await call("PATCH", conversationPath(id), { title })).conversation;
export const endTalk = (id) => call("PATCH", conversationPath(id), { callEnded: true });
export const remove = (id) => call("DELETE", conversationPath(id));
export const removeAll = () => call("DELETE", "/api/conversations?clearAll=true");
export const restore = (id) => call("POST", `${conversationPath(id)}/restore`);
export const sendTurn = (id, form) => call("POST", `${conversationPath(id)}/turns`, form);
export const audioUrl = async (key) => (await call("GET", `/api/audio?key=${encodeURIComponent(key)}`)).url;

/**
 * Save a better transcript and return {message, notCorrected?}. `notCorrected` says why the message could not be checked for
 * mistakes.
 */
export function replaceWords(id, message, content) {
  return call("PATCH", `${conversationPath(id)}/messages/${encodeURIComponent(message)}`, { content });
}

/** Return the message translated into `targetLanguage`. */
export async function translateMessage(id, message, targetLanguage) {
  const path = `${conversationPath(id)}/messages/${encodeURIComponent(message)}/translation`;
  return (await call("POST", path, { targetLanguage })).translation;
}

/** Request an analysis of the whole talk. The server stores it with the talk. */
export const analyse = async (id) => (await call("POST", `${conversationPath(id)}/analysis`, {})).analysis;

/** Import entries and return the result of each one. There are fewer results than entries if the storage failed meanwhile. */
export async function bringIn(entries, { bringBack = false } = {}) {
  return (await call("POST", "/api/import", { entries, bring_back: bringBack })).results;
}
