// Show the operators' storage pages: the results of verify and test as they arrive, and the progress of a migration.

const ASK_EVERY = 1000; // ms
// The rate is measured over this time.
const RATE_OVER = 15; // s
// Share of the total between two announcements of the progress.
const ANNOUNCE_EVERY = 0.1;

const number = new Intl.NumberFormat("en");

function element(name, { className = "", text = "" } = {}) {
  const made = document.createElement(name);
  made.className = className;
  made.textContent = text;
  return made;
}

function size(bytes) {
  for (const unit of ["bytes", "kB", "MB"]) {
    if (bytes < 1000) return `${bytes.toFixed(unit === "bytes" ? 0 : 1)} ${unit}`;
    bytes /= 1000;
  }
  return `${bytes.toFixed(1)} GB`;
}

function duration(seconds) {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

// Verify and test

const results = document.querySelector("#results");

if (results) {
  for (const form of document.querySelectorAll("form[data-stream]")) {
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      follow(form);
    });
  }
}

/** Submit the form, and show each line of the answer as it arrives. */
async function follow(form) {
  const buttons = document.querySelectorAll("form[data-stream] button");
  const said = results.querySelector("#results-said");
  const list = results.querySelector("#results-list");
  const progress = results.querySelector("progress");
  results.hidden = false;
  results.querySelector("#results-title").textContent = form.dataset.stream === "verify" ? "Verify" : "Test";
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
    const ended = await readLines(answer, (line) => take(line, { said, list, progress }));
    if (!ended) throw new Error("It ended without a result. The server's log has the reason.");
  } catch (error) {
    said.className = "failed";
    said.textContent = error instanceof TypeError ? "The server cannot be reached. Try again." : error.message;
  } finally {
    progress.hidden = true;
    for (const button of buttons) button.disabled = false;
  }
}

function refusal(status) {
  if (status === 503) return "The database with the accounts cannot be reached. Run manage.py storage verify on the server.";
  if (status === 403) return "You are not signed in any more, or may not do this. Reload the page.";
  return `The server could not do it (${status}). Its log has the reason.`;
}

/** Read newline-delimited JSON. Return whether its last line arrived. */
async function readLines(answer, take) {
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  let ended = false;
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return ended;
    const lines = (rest + value).split("\n");
    rest = lines.pop();
    for (const line of lines.map((each) => JSON.parse(each))) {
      take(line);
      ended ||= Boolean(line.done);
    }
  }
}

function take(line, { said, list, progress }) {
  if (line.total) {
    progress.max = line.total;
    progress.value = 0;
  } else if (line.done) {
    said.textContent = line.said;
    said.className = line.well ? "ok" : "failed";
  } else {
    if (progress.hasAttribute("value")) progress.value += 1;
    if (line.state === "failed") said.textContent = `Failed: ${line.name}. ${line.found}`;
    groupOf(line, list).append(resultRow(line));
    sortByPlace(list);
  }
}

function groupOf(line, list) {
  const name = line.group || "";
  const found = [...list.children].find((group) => group.dataset.group === name);
  if (found) return found.querySelector("ul");
  const group = element("div");
  group.dataset.group = name;
  if (name) group.append(element("h4", { text: name }));
  group.append(element("ul", { className: "checks" }));
  list.append(group);
  return group.querySelector("ul");
}

function resultRow(line) {
  const row = element("li", { className: `check ${line.state.split(" ").join("-")}` });
  row.dataset.place = line.place ?? "";
  row.append(element("span", { className: "badge", text: line.word }), element("strong", { text: line.name }));
  const words = element("div", { className: "words" });
  words.append(element("p", { text: line.found }));
  if (line.advice) words.append(element("p", { className: "advice", text: line.advice }));
  row.append(words, element("span", { className: "seconds quiet", text: `${line.seconds.toFixed(2)} s` }));
  return row;
}

/** Sort the results by subject. They arrive in the order in which the checks finish. */
function sortByPlace(list) {
  const place = (row) => Number(row?.dataset.place || 0);
  for (const rows of list.querySelectorAll("ul")) {
    rows.append(...[...rows.children].sort((one, other) => place(one) - place(other)));
  }
  const groups = [...list.children];
  const first = (group) => place(group.querySelector("li"));
  list.append(...groups.sort((one, other) => first(one) - first(other)));
}

// One migration

const run = document.querySelector("#run");

if (run) {
  const samples = [];
  let announced = 0;
  let state = run.dataset.state;
  const part = (name) => run.querySelector(`[data-run="${name}"]`);

  const show = (told) => {
    const progress = run.querySelector("progress");
    progress.max = told.total;
    progress.value = told.seen;
    part("words").textContent = inWords(told);
    const badge = part("word");
    badge.textContent = told.word;
    badge.className = `badge ${told.state}`;
    for (const cell of run.querySelectorAll("[data-count]")) {
      const count = told.counts[cell.dataset.count];
      cell.textContent = cell.dataset.count === "bytes" ? size(count) : number.format(count);
    }
    showFailures(told);
    for (const form of run.querySelectorAll("[data-if]")) form.hidden = !told[form.dataset.if];
    run.querySelector("[data-if=running] button").disabled = told.stopping;
    for (const note of run.querySelectorAll("[data-when]")) note.hidden = note.dataset.when !== told.state;
    part("error").hidden = !told.error;
    part("error").textContent = told.error ? `It ended early: ${told.error}` : "";
    announce(told);
  };

  const showFailures = (told) => {
    document.querySelector("#failures").hidden = !told.failures;
    part("failures").textContent = number.format(told.failures);
    part("failed").replaceChildren(
      ...told.failed.map(([what, why]) => {
        const row = element("li");
        row.append(element("code", { text: what }), ` ${why}`);
        return row;
      }),
    );
    part("unnamed").hidden = !told.unnamed;
    part("unnamed").textContent = told.unnamed ? `… and ${number.format(told.unnamed)} more.` : "";
  };

  const inWords = (told) => {
    const taken = `${number.format(told.seen)} of ${number.format(told.total)} looked at`;
    if (!told.running) return `${taken}, ${duration(told.seconds)} from start to end`;
    if (!told.planned) return "Counting what there is …";
    return [`${Math.floor((100 * told.seen) / told.total)} %`, taken, ...pace(told)].join(" · ");
  };

  /** Return the pace over the last seconds, because a resumed run quickly passes what is already copied. */
  const pace = (told) => {
    const now = performance.now() / 1000;
    samples.push({ at: now, seen: told.seen, bytes: told.counts.bytes });
    while (samples.length > 2 && now - samples[0].at > RATE_OVER) samples.shift();
    const [oldest] = samples;
    const seconds = now - oldest.at;
    const rate = seconds ? (told.seen - oldest.seen) / seconds : 0;
    if (rate <= 0) return [];
    const bytes = Math.max(0, told.counts.bytes - oldest.bytes) / seconds;
    return [`${rate.toFixed(0)} a second`, `${size(bytes)}/s`, `about ${duration((told.total - told.seen) / rate)} left`];
  };

  const announce = (told) => {
    const share = told.seen / told.total;
    if (told.state !== state) {
      part("announced").textContent = `The migration is ${told.word}. ${number.format(told.failures)} not copied.`;
    } else if (told.running && share - announced >= ANNOUNCE_EVERY) {
      announced = share;
      part("announced").textContent = `${Math.floor(100 * share)} percent`;
    }
    state = told.state;
  };

  const ask = async () => {
    try {
      const answer = await fetch(run.dataset.url, { headers: { Accept: "application/json" } });
      if (!answer.ok) throw new Error(refusal(answer.status));
      const told = await answer.json();
      show(told);
      if (!told.running) return;
    } catch (error) {
      part("words").textContent =
        error instanceof TypeError || error instanceof SyntaxError
          ? "The server cannot be reached; it is asked again."
          : `${error.message} It is asked again.`;
    }
    setTimeout(ask, ASK_EVERY);
  };

  show(JSON.parse(document.querySelector("#run-shown").textContent));
  if (run.dataset.state === "running") setTimeout(ask, ASK_EVERY / 2);
}
