// The rules that find mistakes; how the code looks is prettier's.
import js from "@eslint/js";
import globals from "globals";

export default [
  { ignores: [".venv/", "static-built/", "node_modules/"] },
  js.configs.recommended,
  {
    files: ["static/js/**/*.js"],
    languageOptions: { globals: globals.browser },
    rules: { eqeqeq: "error", "no-var": "error", "prefer-const": "error" },
  },
  { files: ["static/js/microphone-worklet.js"], languageOptions: { globals: globals.audioWorklet } },
  { files: ["**/*.mjs", "eslint.config.js", "tests/js/**"], languageOptions: { globals: globals.node } },
];
