// Find, copy and make elements of the page. If an element is missing, or of another class than expected, that is an error.

/**
 * Return the element with this id.
 * @template {Element} [T=HTMLElement]
 * @param {string} id
 * @param {new () => T} [type]
 */
export const byId = (id, type) => checked(document.getElementById(id), `#${id}`, type);

/**
 * Return the first element of `root` that matches the selector. A tag's name as the selector implies the class.
 * @template {string} S
 * @template {Element} [T=S extends keyof HTMLElementTagNameMap ? HTMLElementTagNameMap[S] : HTMLElement]
 * @param {ParentNode} root
 * @param {S} selector
 * @param {new () => T} [type]
 */
export const find = (root, selector, type) => checked(root.querySelector(selector), selector, type);

/**
 * Return all elements of `root` that match the selector.
 * @template {string} S
 * @template {Element} [T=S extends keyof HTMLElementTagNameMap ? HTMLElementTagNameMap[S] : HTMLElement]
 * @param {ParentNode} root
 * @param {S} selector
 * @param {new () => T} [type]
 */
export const findAll = (root, selector, type) =>
  Array.from(root.querySelectorAll(selector), (found) => checked(found, selector, type));

/**
 * @template {Element} T
 * @param {Element | null} found
 * @param {string} selector
 * @param {new () => T} [type]
 * @returns {T}
 */
function checked(found, selector, type = /** @type {any} */ (HTMLElement)) {
  if (!(found instanceof type)) throw new Error(`${selector} is not an element of the class ${type.name}.`);
  return found;
}

/**
 * Copy the element in the <template> with this id.
 * @param {string} id
 */
export function clone(id) {
  const [element] = byId(id, HTMLTemplateElement).content.children;
  return checked(/** @type {Element} */ (element.cloneNode(true)), `#${id}`, HTMLElement);
}

/**
 * Make an element with these properties and children.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Partial<HTMLElementTagNameMap[K]>} [properties]
 * @param {(Node | string)[]} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  Object.assign(element, properties).append(...children);
  return element;
}

/**
 * Make a button.
 * @param {string} className
 * @param {string} label
 * @param {() => unknown} act
 */
export function button(className, label, act) {
  const element = make("button", { type: "button", className, textContent: label });
  element.addEventListener("click", act);
  return element;
}

/**
 * Let the learner download a file.
 * @param {string} name
 * @param {Blob} content
 */
export function download(name, content) {
  const link = make("a", { href: URL.createObjectURL(content), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
