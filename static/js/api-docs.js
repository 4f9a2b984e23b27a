// Add names, heading levels and tab stops that Swagger UI lacks. Swagger UI redraws the page whenever something is opened.

import { byId, findAll } from "./dom.js";

const page = byId("swagger-ui");

function improve() {
  page.querySelector(".information-container section")?.setAttribute("aria-label", "About this API");
  for (const section of findAll(page, "section.models")) section.setAttribute("aria-label", "Shapes");
  for (const heading of findAll(page, "h3.opblock-tag, section.models h4")) heading.setAttribute("aria-level", "2");
  for (const heading of findAll(page, ".opblock h4")) heading.setAttribute("aria-level", "3");
  for (const heading of findAll(page, ".opblock h5")) heading.setAttribute("aria-level", "4");
  for (const table of findAll(page, "table[role=region]")) table.setAttribute("aria-label", table.id.replaceAll("_", " "));
  for (const example of findAll(page, "pre")) example.tabIndex = 0;
}

new MutationObserver(improve).observe(page, { childList: true, subtree: true });
improve();
