// Set up what every page has: settings, theme, the banner about the cloud, and the current entry of the navigation.

import "./cloud-watch.js";
import { devices } from "./microphone.js";
import * as settings from "./settings.js";
import { target } from "./translations.js";

const dialog = document.getElementById("settings");

function markNavigation() {
  const here = location.pathname.startsWith("/history") ? "history" : location.pathname === "/" ? "talk" : "";
  document.querySelector(`[data-nav="${here}"]`)?.setAttribute("aria-current", "page");
}

function applyTheme(theme) {
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
}

// Bind every element with data-setting to its setting, in both directions.
function bindSettings() {
  for (const element of document.querySelectorAll("[data-setting]")) {
    const name = element.dataset.setting;
    const show = (value) => {
      if (element.type === "checkbox") element.checked = value;
      else element.value = value;
      // The stored language is not offered here.
      if (element.selectedIndex === -1) element.selectedIndex = 0;
    };
    show(settings.get(name));
    settings.onChange(name, show);
    element.addEventListener(element.type === "range" ? "input" : "change", () => {
      if (element.type === "checkbox") settings.set(name, element.checked);
      else settings.set(name, element.type === "range" ? Number(element.value) : element.value);
    });
  }
}

function bindSpeed() {
  const slider = document.getElementById("setting-speed");
  const auto = document.getElementById("setting-speed-auto");
  const byLevel = JSON.parse(slider.dataset.byLevel);
  const show = () => {
    const own = settings.get("speed");
    const speed = own ?? byLevel[settings.get("level")] ?? 1;
    auto.checked = own === null;
    slider.value = speed;
    document.getElementById("setting-speed-value").textContent = `${speed.toFixed(1)}×${own === null ? ", by level" : ""}`;
  };
  slider.addEventListener("input", () => settings.set("speed", Number(slider.value)));
  auto.addEventListener("change", () => settings.set("speed", auto.checked ? null : Number(slider.value)));
  for (const name of ["speed", "level"]) settings.onChange(name, show);
  show();
}

function bindPause() {
  const auto = document.getElementById("setting-pause-auto");
  const slider = document.getElementById("setting-pause");
  const show = (ms) => {
    auto.checked = ms === null;
    slider.disabled = ms === null;
    if (ms !== null) slider.value = ms / 1000;
    document.getElementById("setting-pause-value").textContent = ms === null ? "by level" : `${(ms / 1000).toFixed(1)} s`;
  };
  const read = () => settings.set("pauseMs", auto.checked ? null : Math.round(slider.value * 1000));
  auto.addEventListener("change", read);
  slider.addEventListener("input", read);
  settings.onChange("pauseMs", show);
  show(settings.get("pauseMs"));
}

function bindTheme() {
  for (const radio of document.getElementsByName("theme")) {
    radio.checked = radio.value === settings.get("theme");
    radio.addEventListener("change", () => settings.set("theme", radio.value));
  }
  settings.onChange("theme", applyTheme);
  applyTheme(settings.get("theme"));
}

/** Fill every device picker. Names are known only after the microphone has been allowed once. */
export async function fillDevices() {
  const found = await devices();
  for (const select of document.querySelectorAll("[data-devices]")) {
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
  if (note && language) note.textContent = new Intl.DisplayNames("en", { type: "language" }).of(language);
}

function bindDevices() {
  for (const select of document.querySelectorAll("[data-devices]")) {
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
document.getElementById("open-settings").addEventListener("click", () => {
  fillDevices();
  dialog.showModal();
});
dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
// The service worker shows the offline page while the server cannot be reached. Browsers support it only on HTTPS and localhost,
// and may refuse it.
navigator.serviceWorker?.register("/service-worker.js").catch(() => {});
