// A classic script in the head, so that a chosen theme is there before the first paint.
try {
  const { theme } = JSON.parse(localStorage.getItem("settings") || "{}");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch {
  // Storage may be forbidden, or not ours to read: the system's theme then.
}
