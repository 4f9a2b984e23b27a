// This is a classic script in the head, so that a chosen theme applies before the first paint.
try {
  const { theme } = JSON.parse(localStorage.getItem("settings") || "{}");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch {
  // The storage may be forbidden, or hold invalid data. Then the system's theme applies.
}
