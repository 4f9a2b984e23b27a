// Show how many turns are not saved yet, and offer refused ones for download.

import { wav } from "./pcm.js";

export function showOutbox(element, outbox, { waiting, refused }, refresh) {
  const parts = [];
  if (waiting.length) {
    const what = waiting.length === 1 ? "1 turn" : `${waiting.length} turns`;
    parts.push(
      Object.assign(document.createElement("span"), { className: "waiting", textContent: `${what} waiting to be saved` }),
    );
  }
  for (const entry of refused) parts.push(refusedLine(entry, outbox, refresh));
  const signature = parts.map((part) => part.textContent).join("|");
  // Screen readers read out everything that is put into a status region.
  if (element.dataset.signature === signature) return;
  element.dataset.signature = signature;
  element.dataset.waiting = waiting.length;
  element.dataset.refused = refused.length;
  element.hidden = !parts.length;
  element.replaceChildren(...parts);
}

function refusedLine(entry, outbox, refresh) {
  const line = document.createElement("span");
  line.className = "refused";
  const button = (label, act) => {
    const element = Object.assign(document.createElement("button"), {
      type: "button",
      className: "link-button",
      textContent: label,
    });
    element.addEventListener("click", act);
    return element;
  };
  line.append(`A recording can't be saved: ${entry.refused} `);
  if (!entry.text)
    line.append(
      button("Download it", () => download(entry, outbox)),
      " ",
    );
  line.append(button("Discard it", () => outbox.remove(entry.key).then(refresh)));
  return line;
}

async function download(entry, outbox) {
  const url = URL.createObjectURL(wav(await outbox.pcm(entry.key)));
  const link = Object.assign(document.createElement("a"), { href: url, download: `${entry.item}.wav` });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
