// A kept analysis, whatever an older client wrote in its place: what of it can be shown.

const SCORES = { fluency: "Fluency", pronunciation: "Pronunciation", grammar: "Grammar", vocabulary: "Vocabulary", contentRichness: "Content" };

/**
 * {overall, scores: [{label, value, why}], words, strengths, improvements, suggestions: [{original, alternative, explanation}]};
 * a value is null where it was not measured. null if there is nothing to show.
 */
export function readable(analysis) {
  const { componentScores, unmeasured, finalScore, feedback, strengths, improvements, suggestions } = object(analysis);
  const found = {
    overall: score(finalScore),
    scores: scores(object(componentScores), object(unmeasured)),
    words: text(feedback),
    strengths: texts(strengths),
    improvements: texts(improvements),
    suggestions: list(suggestions).map(suggestion).filter(({ original, alternative }) => original && alternative),
  };
  return Object.values(found).some((part) => (Array.isArray(part) || typeof part === "string" ? part.length : part !== null)) ? found : null;
}

/** All of them, those that were measured first, if there is something to tell of one. */
function scores(values, reasons) {
  const all = Object.entries(SCORES).map(([name, label]) => ({ label, value: score(values[name]), why: reason(label, text(reasons[name])) }));
  const isTold = all.some(({ value, why }) => value !== null || why);
  return isTold ? all.sort((a, b) => (a.value === null) - (b.value === null)) : [];
}

// "Fluency was not measured: it is not known …": the page says the first half by itself.
function reason(label, why) {
  const known = `${label} was not measured: `;
  return why.startsWith(known) ? why.charAt(known.length).toUpperCase() + why.slice(known.length + 1) : why;
}

const object = (value) => (typeof value === "object" && value !== null ? value : {});
const list = (value) => (Array.isArray(value) ? value : []);
const text = (value) => (typeof value === "string" ? value.trim() : "");
const texts = (value) => list(value).map(text).filter(Boolean);
const score = (value) => (Number.isFinite(value) && value >= 0 && value <= 100 ? value : null);

function suggestion(value) {
  const { original, alternative, explanation } = object(value);
  return { original: text(original), alternative: text(alternative), explanation: text(explanation) };
}
