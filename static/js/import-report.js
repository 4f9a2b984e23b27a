// Report the result of an import, on the page and as a file.

import { plural } from "./history-list.js";

const FIELDS = { title: "its name", config: "its configuration", messages: "" };

/**
 * Summarize an import. `outcomes` comes from the sender. `broken` is [{source, what, why}], which was never sent. `left` holds
 * the items that were not sent yet.
 */
export function summary({ outcomes, broken, left, level }) {
  const of = (wanted) => outcomes.filter(({ state }) => state === wanted).map(shape);
  const unusable = [...of("unusable"), ...broken.map(({ source, what, why }) => ({ source, title: what || source, why }))];
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

const shape = ({ item, id, messages, recordings, error }) => ({
  source: item.source,
  id: id ?? (typeof item.raw?.id === "string" ? item.raw.id.slice(0, 60) : null),
  title: item.look.title,
  date: item.look.date?.toISOString() ?? null,
  messages,
  recordings,
  ...(error ? { why: error } : {}),
});

/** Return the lines about what was done. */
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
  ].filter(Boolean);
}

/** Return the lists of what was not done: [{heading, entries: [{what, why}]}]. */
export function lists(report) {
  const sound = report.lost.filter((each) => each.message !== null && !isCut(each));
  const rest = report.lost.filter((each) => !sound.includes(each));
  return [
    {
      heading: `${report.unusable.length} that could not be used`,
      entries: report.unusable.map(({ title, source, why }) => ({
        what: title === source ? source : `${title} (${source})`,
        why,
      })),
    },
    {
      heading: `${plural(sound.length, "message")} without the recording, or not usable`,
      entries: sound.map(({ title, text, message, why }) => ({
        what: `${title}: ${text ? `“${text}”` : `message ${message}`}`,
        why,
      })),
    },
    {
      heading: `${plural(rest.length, "detail")} that could not be kept whole`,
      entries: rest.map(({ title, field, text, why }) => ({
        what: `${title}: ${text ? `“${text}”` : (FIELDS[field] ?? field) || "messages"}`,
        why,
      })),
    },
  ].filter(({ entries }) => entries.length);
}

const isCut = ({ why }) => why.startsWith("Only the first");

export function save(report) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([JSON.stringify(report, null, 2)], { type: "application/json" }));
  link.download = `import-${report.at.slice(0, 10)}.json`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
