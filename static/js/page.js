// Set up what every page has: settings, theme, the banner about the cloud, and the current entry of the navigation.

import "./cloud-watch.js";
import { byId, findAll } from "./dom.js";
import { devices } from "./microphone.js";
import { bindPrivacy } from "./privacy.js";
import * as settings from "./settings.js";
import { target } from "./translations.js";

const dialog = byId("settings", HTMLDialogElement);

// Pages that the header shows as a part of "Review".
const OF_REVIEW = ["mistakes", "shadowing", "pairs"];

function markNavigation() {
  const [, first] = location.pathname.split("/");
  const isPart = OF_REVIEW.includes(first);
  const here = isPart ? "review" : first || "talk";
  document.querySelector(`[data-nav="${CSS.escape(here)}"]`)?.setAttribute("aria-current", isPart ? "true" : "page");
}

/** @param {string} theme */
function applyTheme(theme) {
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
}

// Bind every element with data-setting to its setting, in both directions.
function bindSettings() {
  for (const select of findAll(document, "select[data-setting]", HTMLSelectElement)) {
    const name = /** @type {"level" | "language"} */ (select.dataset.setting);
    /** @param {string} value */
    const show = (value) => {
      select.value = value;
      // The stored language is not offered here.
      if (select.selectedIndex === -1) select.selectedIndex = 0;
    };
    show(settings.get(name));
    settings.onChange(name, show);
    select.addEventListener("change", () => settings.set(name, select.value));
  }
  for (const box of findAll(document, "input[data-setting]", HTMLInputElement)) {
    const name = /** @type {"handsFree"} */ (box.dataset.setting);
    /** @param {boolean} value */
    const show = (value) => (box.checked = value);
    show(settings.get(name));
    settings.onChange(name, show);
    box.addEventListener("change", () => settings.set(name, box.checked));
  }
}

function bindSpeed() {
  const slider = byId("setting-speed", HTMLInputElement);
  const auto = byId("setting-speed-auto", HTMLInputElement);
  const byLevel = JSON.parse(slider.dataset.byLevel ?? "{}");
  const show = () => {
    const own = settings.get("speed");
    const speed = own ?? byLevel[settings.get("level")] ?? 1;
    auto.checked = own === null;
    slider.value = String(speed);
    byId("setting-speed-value").textContent = `${speed.toFixed(1)}×${own === null ? ", by level" : ""}`;
  };
  slider.addEventListener("input", () => settings.set("speed", Number(slider.value)));
  auto.addEventListener("change", () => settings.set("speed", auto.checked ? null : Number(slider.value)));
  settings.onChange("speed", show);
  settings.onChange("level", show);
  show();
}

function bindPause() {
  const auto = byId("setting-pause-auto", HTMLInputElement);
  const slider = byId("setting-pause", HTMLInputElement);
  /** @param {number | null} ms */
  const show = (ms) => {
    auto.checked = ms === null;
    slider.disabled = ms === null;
    if (ms !== null) slider.value = String(ms / 1000);
    byId("setting-pause-value").textContent = ms === null ? "by level" : `${(ms / 1000).toFixed(1)} s`;
  };
  const read = () => settings.set("pauseMs", auto.checked ? null : Math.round(Number(slider.value) * 1000));
  auto.addEventListener("change", read);
  slider.addEventListener("input", read);
  settings.onChange("pauseMs", show);
  show(settings.get("pauseMs"));
}

function bindTheme() {
  for (const radio of findAll(document, 'input[name="theme"]', HTMLInputElement)) {
    radio.checked = radio.value === settings.get("theme");
    radio.addEventListener("change", () => settings.set("theme", radio.value));
  }
  settings.onChange("theme", applyTheme);
  applyTheme(settings.get("theme"));
}

/** Fill every device picker. Names are known only after the microphone has been allowed once. */
export async function fillDevices() {
  const found = await devices();
  for (const select of findAll(document, "[data-devices]", HTMLSelectElement)) {
    const options = found
      .filter(({ deviceId }) => deviceId !== "default")
      .map(({ deviceId, label }, i) => new Option(label || `Microphone ${i + 1}`, deviceId));
    select.replaceChildren(new Option("The browser's choice", ""), ...options);
    select.value = settings.get("device");
    if (select.selectedIndex === -1) select.value = "";
  }
}

function bindTranslations() {
  const note = document.getElementById("translation-language");
  const language = target({ explained: "en" });
  if (note && language) note.textContent = new Intl.DisplayNames("en", { type: "language" }).of(language) ?? language;
}

function bindDevices() {
  for (const select of findAll(document, "[data-devices]", HTMLSelectElement)) {
    select.addEventListener("change", () => settings.set("device", select.value));
  }
  navigator.mediaDevices?.addEventListener?.("devicechange", fillDevices);
}

markNavigation();
bindTheme();
bindSettings();
bindSpeed();
bindPause();
bindDevices();
bindTranslations();
const loadPrivacy = bindPrivacy();
for (const opener of findAll(document, "#open-settings, [data-open-settings]"))
  opener.addEventListener("click", () => {
    fillDevices();
    loadPrivacy();
    dialog.showModal();
  });
dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
// The service worker shows the offline page while the server cannot be reached. Browsers support it only on HTTPS and localhost,
// and may refuse it.
navigator.serviceWorker?.register("/service-worker.js").catch(() => {});
