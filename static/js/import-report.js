// Report the result of an import, on the page and as a file.

import { download } from "./dom.js";
import { plural } from "./format.js";
/** @import { Outcome } from "./import-sender.js" */
/** @import { Item } from "./import-sources.js" */
/** @import { Broken } from "./salvage.js" */
/** @import { Lost } from "./types.d.ts" */

/** @typedef {{ value: string; kept: boolean }} Level The level that was taken over, and whether it was stored */
/**
 * An item in the report.
 * @typedef {{ source?: string; id?: string | null; title: string; date?: string | null; messages?: number; recordings?: number;
 *   why?: string }} Reported
 */
/** @typedef {ReturnType<typeof summary>} Report */

/** @type {Record<string, string>} */
const FIELDS = { title: "its name", config: "its configuration", messages: "" };

/**
 * Summarize an import. `outcomes` comes from the sender. `broken` was never sent. `left` holds the items that were not sent yet.
 * @param {{ outcomes: Outcome[]; broken: (Broken & { source: string })[]; left: Item[]; level: Level | null }} result
 */
export function summary({ outcomes, broken, left, level }) {
  /** @param {string} wanted */
  const of = (wanted) => outcomes.filter(({ state }) => state === wanted).map(shape);
  const unusable = [...of("unusable"), ...broken.map(({ source, what, why }) => ({ source, title: what || source, why }))];
  /** @type {(Reported & Lost)[]} */
  const lost = outcomes.flatMap((outcome) => outcome.lost.map((each) => ({ ...shape(outcome), ...each })));
  return {
    at: new Date().toISOString(),
    imported: of("imported"),
    updated: of("updated"),
    unchanged: of("unchanged"),
    deleted: of("deleted"),
    recordings: outcomes.reduce((sum, { recordings }) => sum + recordings, 0),
    lost,
    unusable,
    left: left.map(({ look, source }) => ({ source, title: look.title })),
    level,
  };
}

/** @type {(outcome: Outcome) => Reported} */
const shape = ({ item, id, messages, recordings, error }) => ({
  source: item.source,
  id: id ?? (typeof item.raw?.id === "string" ? item.raw.id.slice(0, 60) : null),
  title: item.look.title,
  date: item.look.date?.toISOString() ?? null,
  messages,
  recordings,
  ...(error ? { why: error } : {}),
});

/**
 * Return the lines about what was done.
 * @param {Report} report
 */
export function lines(report) {
  const { imported, updated, unchanged, deleted, recordings, left, level } = report;
  return [
    imported.length && `${plural(imported.length, "conversation")} brought in`,
    updated.length && `${plural(updated.length, "conversation")} completed with what was missing`,
    unchanged.length && `${plural(unchanged.length, "conversation")} already here`,
    recordings && `${plural(recordings, "recording")} kept with them`,
    deleted.length && `${plural(deleted.length, "conversation")} you had deleted here: not brought back`,
    left.length && `${plural(left.length, "conversation")} not sent yet`,
    level && `Your level is ${level.value} now${level.kept ? "" : ", until you leave this page: this browser's storage is full"}`,
  ].filter((line) => typeof line === "string");
}

/**
 * Return the lists of what was not done.
 * @param {Report} report
 * @returns {{ heading: string; entries: Broken[] }[]}
 */
export function lists(report) {
  const messages = report.lost.filter((each) => each.message !== null && !isCut(each));
  const details = report.lost.filter((each) => !messages.includes(each));
  return [
    {
      heading: `${report.unusable.length} that could not be used`,
      entries: report.unusable.map(({ title, source, why = "" }) => {
        return { what: title === source ? title : `${title} (${source})`, why };
      }),
    },
    {
      heading: `${plural(messages.length, "message")} without the recording, or not usable`,
      entries: messages.map(({ title, text, message, why }) => {
        return { what: `${title}: ${text ? `“${text}”` : `message ${message}`}`, why };
      }),
    },
    {
      heading: `${plural(details.length, "detail")} that could not be kept whole`,
      entries: details.map(({ title, field, text, why }) => {
        return { what: `${title}: ${text ? `“${text}”` : (FIELDS[field ?? ""] ?? field) || "messages"}`, why };
      }),
    },
  ].filter(({ entries }) => entries.length);
}

/** @type {(lost: { why: string }) => boolean} */
const isCut = ({ why }) => why.startsWith("Only the first");

/** @param {Report} report */
export function save(report) {
  const content = new Blob([JSON.stringify(report, null, 2)], { type: "application/json" });
  download(`import-${report.at.slice(0, 10)}.json`, content);
}
