// Read damaged JSON: the elements of a list that are still intact.

/** @typedef {{ what: string; why: string }} Broken What cannot be read, and the reason */

/**
 * Return {value, broken}. If a list is cut off or partly damaged, `value` holds the elements that can be read. It
 * is undefined for any other invalid JSON.
 * @param {string} text
 * @returns {{ value: unknown; broken: Broken[] }}
 */
export function parse(text) {
  try {
    return { value: JSON.parse(text), broken: [] };
  } catch (error) {
    const start = text.match(/^\uFEFF?\s*(?:\{\s*"\w+"\s*:\s*)?\[/);
    if (start) return elements(text, start[0].length);
    return {
      value: undefined,
      broken: [{ what: "", why: text.trim() ? `This is not JSON, or it is damaged: ${error.message}` : "This is empty." }],
    };
  }
}

/** @param {string} text @param {number} from */
function elements(text, from) {
  /** @type {unknown[]} */
  const value = [];
  /** @type {Broken[]} */
  const broken = [];
  let start = from;
  let at = from;
  const end = () => {
    const piece = text.slice(start, at).trim();
    if (piece) read(piece, value, broken);
    start = at + 1;
  };
  for (let depth = 1; at < text.length && depth > 0; at += 1) {
    const character = text[at];
    if (character === '"') at = closing(text, at);
    else if (character === "[" || character === "{") depth += 1;
    else if (character === "]" || character === "}") depth -= 1;
    if (depth === 0 || (depth === 1 && character === ",")) end();
  }
  end();
  return { value, broken };
}

/**
 * Return the end of the string that begins here.
 * @param {string} text
 * @param {number} from
 */
function closing(text, from) {
  let at = from + 1;
  while (at < text.length && text[at] !== '"') at += text[at] === "\\" ? 2 : 1;
  return at;
}

/** @param {string} piece @param {unknown[]} value @param {Broken[]} broken */
function read(piece, value, broken) {
  if (/^[\]}\s]*$/.test(piece)) return;
  try {
    value.push(JSON.parse(piece));
  } catch {
    broken.push({
      what: piece.slice(0, 60),
      why: `It is damaged, or breaks off (${piece.length.toLocaleString("en")} characters).`,
    });
  }
}
