// Show the operators' storage pages: the results of verify and test as they arrive, and the progress of a migration.

import { byId, find, findAll, make } from "./dom.js";

const ASK_EVERY = 1000; // ms
// The rate is measured over this time.
const RATE_OVER = 15; // s
// Share of the total between two announcements of the progress.
const ANNOUNCE_EVERY = 0.1;

const number = new Intl.NumberFormat("en");

/** @param {number} bytes */
function size(bytes) {
  for (const unit of ["bytes", "kB", "MB"]) {
    if (bytes < 1000) return `${bytes.toFixed(unit === "bytes" ? 0 : 1)} ${unit}`;
    bytes /= 1000;
  }
  return `${bytes.toFixed(1)} GB`;
}

/** @param {number} seconds */
function duration(seconds) {
  const rounded = Math.round(seconds);
  if (rounded < 60) return `${rounded} s`;
  if (rounded < 3600) return `${Math.floor(rounded / 60)} min ${rounded % 60} s`;
  return `${Math.floor(rounded / 3600)} h ${Math.floor((rounded % 3600) / 60)} min`;
}

// Verify and test

/**
 * A line of the answer: the number of checks, the result of one, or the end.
 * @typedef {{ total?: number; done?: boolean; said?: string; well?: boolean; state: string; word: string; name: string;
 *   found: string; advice?: string; seconds: number; group?: string; place?: number }} Line
 */

for (const form of findAll(document, "form[data-stream]", HTMLFormElement)) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    follow(form);
  });
}

/**
 * Submit the form, and show each line of the answer as it arrives.
 * @param {HTMLFormElement} form
 */
async function follow(form) {
  const buttons = findAll(document, "form[data-stream] button", HTMLButtonElement);
  const results = byId("results");
  const said = byId("results-said");
  const list = byId("results-list");
  const progress = find(results, "progress");
  results.hidden = false;
  byId("results-title").textContent = form.dataset.stream === "verify" ? "Verify" : "Test";
  said.className = "";
  said.textContent = "Asking …";
  list.replaceChildren();
  progress.hidden = false;
  progress.removeAttribute("value");
  for (const button of buttons) button.disabled = true;
  results.scrollIntoView({ block: "nearest" });
  try {
    const answer = await fetch(form.action, { method: "POST", body: new FormData(form) });
    if (!answer.ok) throw new Error(refusal(answer.status));
    let ended = false;
    for await (const line of readLines(answer)) {
      take(line, { said, list, progress });
      ended ||= Boolean(line.done);
    }
    if (!ended) throw new Error("It ended without a result. The server's log has the reason.");
  } catch (error) {
    said.className = "failed";
    said.textContent = error instanceof TypeError ? "The server cannot be reached. Try again." : error.message;
  } finally {
    progress.hidden = true;
    for (const button of buttons) button.disabled = false;
  }
}

/** @param {number} status */
function refusal(status) {
  if (status === 503) return "The database with the accounts cannot be reached. Run manage.py storage verify on the server.";
  if (status === 403) return "You are not signed in any more, or may not do this. Reload the page.";
  return `The server could not do it (${status}). Its log has the reason.`;
}

/**
 * Read newline-delimited JSON.
 * @param {Response} answer
 * @returns {AsyncGenerator<Line>}
 */
async function* readLines(answer) {
  if (!answer.body) return;
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const lines = (rest + value).split("\n");
    rest = lines.pop() ?? "";
    yield* lines.map((line) => JSON.parse(line));
  }
}

/** @param {Line} line @param {{ said: HTMLElement; list: HTMLElement; progress: HTMLProgressElement }} elements */
function take(line, { said, list, progress }) {
  if (line.total) {
    progress.max = line.total;
    progress.value = 0;
  } else if (line.done) {
    said.textContent = line.said ?? "";
    said.className = line.well ? "ok" : "failed";
  } else {
    if (progress.hasAttribute("value")) progress.value += 1;
    if (line.state === "failed") said.textContent = `Failed: ${line.name}. ${line.found}`;
    groupOf(line, list).append(resultRow(line));
    sortByPlace(list);
  }
}

/**
 * Return the list for the results of this line's group.
 * @param {Line} line
 * @param {HTMLElement} list
 */
function groupOf(line, list) {
  const name = line.group || "";
  const found = findAll(list, ":scope > div").find((group) => group.dataset.group === name);
  if (found) return find(found, "ul");
  const rows = make("ul", { className: "checks" });
  const group = make("div", {}, ...(name ? [make("h4", { textContent: name })] : []), rows);
  group.dataset.group = name;
  list.append(group);
  return rows;
}

/** @param {Line} line */
function resultRow(line) {
  const advice = line.advice ? [make("p", { className: "advice", textContent: line.advice })] : [];
  const row = make(
    "li",
    { className: `check ${line.state.split(" ").join("-")}` },
    make("span", { className: "badge", textContent: line.word }),
    make("strong", { textContent: line.name }),
    make("div", { className: "words" }, make("p", { textContent: line.found }), ...advice),
    make("span", { className: "seconds quiet", textContent: `${line.seconds.toFixed(2)} s` }),
  );
  row.dataset.place = String(line.place ?? "");
  return row;
}

/**
 * Sort the results by subject. They arrive in the order in which the checks finish.
 * @param {HTMLElement} list
 */
function sortByPlace(list) {
  /** @param {HTMLElement} row */
  const place = (row) => Number(row.dataset.place);
  for (const rows of findAll(list, "ul")) {
    rows.append(...findAll(rows, "li").sort((one, other) => place(one) - place(other)));
  }
  const groups = findAll(list, ":scope > div");
  list.append(...groups.sort((one, other) => place(find(one, "li")) - place(find(other, "li"))));
}

// One migration

/**
 * The state of a migration. `word` is the state in words, and `unnamed` counts failures that `failed` does not list.
 * @typedef {{ state: string; word: string; running: boolean; stopping: boolean; planned: boolean; total: number; seen: number;
 *   counts: Record<string, number>; failures: number; failed: [string, string][]; unnamed: number; error: string;
 *   seconds: number; [condition: string]: unknown }} Run
 */

/** @param {HTMLElement} page */
function watch(page) {
  /** @type {{ at: number; seen: number; bytes: number }[]} */
  const samples = [];
  let announced = 0;
  let { state } = page.dataset;
  /** @param {string} name */
  const part = (name) => find(page, `[data-run="${name}"]`);

  /** @param {Run} run */
  const show = (run) => {
    const progress = find(page, "progress");
    progress.max = run.total;
    progress.value = run.seen;
    part("words").textContent = inWords(run);
    const badge = part("word");
    badge.textContent = run.word;
    badge.className = `badge ${run.state}`;
    for (const cell of findAll(page, "[data-count]")) {
      const name = cell.dataset.count ?? "";
      cell.textContent = name === "bytes" ? size(run.counts[name]) : number.format(run.counts[name]);
    }
    showFailures(run);
    for (const form of findAll(page, "[data-if]")) form.hidden = !run[form.dataset.if ?? ""];
    find(page, "[data-if=running] button", HTMLButtonElement).disabled = run.stopping;
    for (const note of findAll(page, "[data-when]")) note.hidden = note.dataset.when !== run.state;
    part("error").hidden = !run.error;
    part("error").textContent = run.error ? `It ended early: ${run.error}` : "";
    announce(run);
  };

  /** @param {Run} run */
  const showFailures = (run) => {
    byId("failures").hidden = !run.failures;
    part("failures").textContent = number.format(run.failures);
    part("failed").replaceChildren(
      ...run.failed.map(([what, why]) => make("li", {}, make("code", { textContent: what }), ` ${why}`)),
    );
    part("unnamed").hidden = !run.unnamed;
    part("unnamed").textContent = run.unnamed ? `… and ${number.format(run.unnamed)} more.` : "";
  };

  /** @param {Run} run */
  const inWords = (run) => {
    const seen = `${number.format(run.seen)} of ${number.format(run.total)} looked at`;
    if (!run.running) return `${seen}, ${duration(run.seconds)} from start to end`;
    if (!run.planned) return "Counting what there is …";
    return [`${Math.floor((100 * run.seen) / run.total)} %`, seen, ...pace(run)].join(" · ");
  };

  /**
   * Return the pace over the last seconds, because a resumed run quickly passes what is already copied.
   * @param {Run} run
   */
  const pace = (run) => {
    const now = performance.now() / 1000;
    samples.push({ at: now, seen: run.seen, bytes: run.counts.bytes });
    while (samples.length > 2 && now - samples[0].at > RATE_OVER) samples.shift();
    const [oldest] = samples;
    const seconds = now - oldest.at;
    const rate = seconds ? (run.seen - oldest.seen) / seconds : 0;
    if (rate <= 0) return [];
    const bytes = Math.max(0, run.counts.bytes - oldest.bytes) / seconds;
    return [`${rate.toFixed(0)} a second`, `${size(bytes)}/s`, `about ${duration((run.total - run.seen) / rate)} left`];
  };

  /** @param {Run} run */
  const announce = (run) => {
    const share = run.seen / run.total;
    if (run.state !== state) {
      part("announced").textContent = `The migration is ${run.word}. ${number.format(run.failures)} not copied.`;
    } else if (run.running && share - announced >= ANNOUNCE_EVERY) {
      announced = share;
      part("announced").textContent = `${Math.floor(100 * share)} percent`;
    }
    state = run.state;
  };

  const ask = async () => {
    try {
      const answer = await fetch(String(page.dataset.url), { headers: { Accept: "application/json" } });
      if (!answer.ok) throw new Error(refusal(answer.status));
      const run = await answer.json();
      show(run);
      if (!run.running) return;
    } catch (error) {
      part("words").textContent =
        error instanceof TypeError || error instanceof SyntaxError
          ? "The server cannot be reached; it is asked again."
          : `${error.message} It is asked again.`;
    }
    setTimeout(ask, ASK_EVERY);
  };

  show(JSON.parse(byId("run-shown").textContent));
  if (state === "running") setTimeout(ask, ASK_EVERY / 2);
}

for (const page of findAll(document, "#run")) watch(page);
