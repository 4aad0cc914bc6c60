/**
 * Elements of the page. Text always goes in as text: nothing here, or anywhere else on the page, makes markup of data, since names
 * and messages come from others. Used by all views.
 */

/**
 * An element. Properties are attributes, but `on` (listeners by event) and those that are false, null or undefined, which are left out.
 * @param {string} tag
 * @param {Record<string, any>} [properties]
 * @param {...(Node | string | null | undefined | false)} children
 * @returns {any} any kind of element: who asks for a tag knows which
 */
export function el(tag, properties = {}, ...children) {
	const element = document.createElement(tag);
	for (const [name, value] of Object.entries(properties)) {
		if (value === false || value === null || value === undefined) continue;
		if (name === "on")
			for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
		else element.setAttribute(name, value === true ? "" : String(value));
	}
	append(element, children);
	return element;
}

/**
 * @param {Element} element
 * @param {readonly (Node | string | null | undefined | false)[]} children
 */
function append(element, children) {
	for (const child of children)
		if (child !== null && child !== undefined && child !== false) element.append(child);
}

/**
 * Puts these in the place of what is in an element.
 * @param {Element} element
 * @param {...(Node | string | null | undefined | false)} children
 */
export function fill(element, ...children) {
	element.replaceChildren();
	append(element, children);
}

/**
 * Writes a text, if it is another one: what is the same is not read out again, and stays selected.
 * @param {Element} element
 * @param {string} text
 */
export function write(element, text) {
	if (element.textContent !== text) element.textContent = text;
}

/**
 * An element of SVG.
 * @param {string} tag
 * @param {Record<string, string>} [attributes]
 * @param {...Node} children
 */
export function svg(tag, attributes = {}, ...children) {
	const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
	for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
	element.append(...children);
	return element;
}

/** A link to a disk's view. @param {string} name */
export function diskLink(name) {
	return el("a", { href: `#/disk/${encodeURIComponent(name)}` }, name);
}

/** What state something is in: a word, never a colour alone. @param {string} state */
export function badge(state) {
	return el("span", { class: `badge ${state}` }, state);
}

/** @type {WeakMap<Element, Element>} */
const probes = new WeakMap();

/**
 * The colour that a custom property stands for, light or dark, for what is painted.
 * @param {string} name such as `--read`
 */
export function colour(name) {
	let probe = probes.get(document.body);
	if (probe === undefined) {
		probe = el("span", { class: "probe", "aria-hidden": "true" });
		document.body.append(/** @type {Element} */ (probe));
		probes.set(document.body, /** @type {Element} */ (probe));
	}
	const painted = /** @type {HTMLElement} */ (probe);
	painted.style.color = `var(${name})`;
	return getComputedStyle(painted).color;
}
