// Add names, heading levels and tab stops that Swagger UI lacks. Swagger UI redraws the page whenever something is opened.

const page = document.getElementById("swagger-ui");

function improve() {
  page.querySelector(".information-container section")?.setAttribute("aria-label", "About this API");
  for (const section of page.querySelectorAll("section.models")) section.setAttribute("aria-label", "Shapes");
  for (const heading of page.querySelectorAll("h3.opblock-tag, section.models h4")) heading.setAttribute("aria-level", "2");
  for (const heading of page.querySelectorAll(".opblock h4")) heading.setAttribute("aria-level", "3");
  for (const heading of page.querySelectorAll(".opblock h5")) heading.setAttribute("aria-level", "4");
  for (const table of page.querySelectorAll("table[role=region]"))
    table.setAttribute("aria-label", table.id.replaceAll("_", " "));
  for (const example of page.querySelectorAll("pre")) example.tabIndex = 0;
}

new MutationObserver(improve).observe(page, { childList: true, subtree: true });
improve();
