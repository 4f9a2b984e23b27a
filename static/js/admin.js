// Names and roles that Django's own pages of the admin leave out.

function nameWhatHasNone() {
  // The magnifying glass is the only label of the search.
  const search = document.querySelector('label[for="searchbar"]');
  if (search) {
    search.querySelector("img").alt = "";
    search.append("Search");
  }
  // A date and its time share one label, which belongs to neither.
  for (const field of document.querySelectorAll(".datetime .vDateField, .datetime .vTimeField")) {
    const label = field.closest(".form-row").querySelector("label, legend").textContent.trim().replace(/:$/, "");
    field.setAttribute("aria-label", `${label}, ${field.matches(".vDateField") ? "date" : "time"}`);
  }
  for (const hint of document.querySelectorAll("span.help-tooltip[aria-label]")) hint.setAttribute("role", "img");
}

// After Django's scripts, which make some of it.
addEventListener("load", nameWhatHasNone);
