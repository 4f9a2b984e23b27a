// Read a stored analysis, whatever an older client wrote into it, and return the parts that can be shown.

const SCORES = {
  fluency: "Fluency",
  pronunciation: "Pronunciation",
  grammar: "Grammar",
  vocabulary: "Vocabulary",
  contentRichness: "Content",
};

/**
 * Return {overall, scores: [{label, value}], words, strengths, improvements, suggestions: [{original, alternative,
 * explanation}]}, or null if there is nothing to show. `overall` is null if nothing was measured.
 * @param {unknown} analysis
 */
export function readable(analysis) {
  const { componentScores, finalScore, feedback, strengths, improvements, suggestions } = object(analysis);
  const found = {
    overall: score(finalScore),
    scores: scores(object(componentScores)),
    words: text(feedback),
    strengths: texts(strengths),
    improvements: texts(improvements),
    suggestions: list(suggestions)
      .map(suggestion)
      .filter(({ original, alternative }) => original && alternative),
  };
  return Object.values(found).some((part) => (Array.isArray(part) || typeof part === "string" ? part.length : part !== null))
    ? found
    : null;
}

/**
 * Return the scores that were measured.
 * @param {Record<string, unknown>} values
 */
const scores = (values) =>
  Object.entries(SCORES).flatMap(([name, label]) => {
    const value = score(values[name]);
    return value === null ? [] : [{ label, value }];
  });

/** @type {(value: unknown) => Record<string, unknown>} */
const object = (value) => (typeof value === "object" && value !== null ? { ...value } : {});
/** @type {(value: unknown) => unknown[]} */
const list = (value) => (Array.isArray(value) ? value : []);
/** @type {(value: unknown) => string} */
const text = (value) => (typeof value === "string" ? value.trim() : "");
/** @type {(value: unknown) => string[]} */
const texts = (value) => list(value).map(text).filter(Boolean);
/** @type {(value: unknown) => number | null} */
const score = (value) => (typeof value === "number" && value >= 0 && value <= 100 ? value : null);

/** @param {unknown} value */
function suggestion(value) {
  const { original, alternative, explanation } = object(value);
  return { original: text(original), alternative: text(alternative), explanation: text(explanation) };
}
