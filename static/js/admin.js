// Add names and roles that Django's own admin pages lack.

import { find, findAll } from "./dom.js";

function nameWhatHasNone() {
  // The search field has only a magnifying glass as its label.
  const search = document.querySelector('label[for="searchbar"]');
  if (search) {
    find(search, "img").alt = "";
    search.append("Search");
  }
  // A date field and its time field share one label, which is linked to neither.
  for (const field of findAll(document, ".datetime .vDateField, .datetime .vTimeField")) {
    const label = find(field.closest(".form-row") ?? document, "label, legend")
      .textContent.trim()
      .replace(/:$/, "");
    field.setAttribute("aria-label", `${label}, ${field.matches(".vDateField") ? "date" : "time"}`);
  }
  for (const hint of findAll(document, "span.help-tooltip[aria-label]")) hint.setAttribute("role", "img");
}

// Run after Django's scripts, because they create some of these elements.
addEventListener("load", nameWhatHasNone);
