/**
 * Asks the server. What it refuses is thrown as a `Refused`. The token is asked for when it is wanted, kept for this tab alone, and
 * sent along from then on. Whether the server answers at all is told to whoever listens (`connection`).
 */

import { askToken } from "./token.js";

/** @import { Problem } from "../model.js" */

const TOKEN = "vblade-token";
const LIMIT_MS = 15_000;

/** The server has said no, and why. */
export class Refused extends Error {
	/** @param {Problem} problem */
	constructor(problem) {
		super(problem.detail);
		this.status = problem.status;
		this.errors = problem.errors ?? [];
	}
}

/** Since when nothing answers; undefined: it does. */
export const connection = new (class extends EventTarget {
	/** @type {number | undefined} */
	lostSince;

	/** @param {boolean} isThere */
	note(isThere) {
		if (isThere === (this.lostSince === undefined)) return;
		this.lostSince = isThere ? undefined : Date.now();
		this.dispatchEvent(new Event("change"));
	}
})();

/** Whoever has said that he has no token is not asked again, unless he wants to change something. */
export const access = new (class extends EventTarget {
	declined = false;

	/** @param {boolean} declined */
	set(declined) {
		this.declined = declined;
		this.dispatchEvent(new Event("change"));
	}
})();

/** @type {Promise<boolean> | undefined} */
let asking;

/** Asks for the token, once for all that want it. False: there is none. */
export function demandToken(wasWrong = sessionStorage.getItem(TOKEN) !== null) {
	asking ??= askToken(wasWrong).then((token) => {
		asking = undefined;
		if (token !== undefined) sessionStorage.setItem(TOKEN, token);
		access.set(token === undefined);
		return token !== undefined;
	});
	return asking;
}

/** Headers that say who asks. @returns {Record<string, string>} */
function credentials() {
	const token = sessionStorage.getItem(TOKEN);
	return token === null ? {} : { authorization: `Bearer ${token}` };
}

/**
 * @typedef {object} Options
 * @property {unknown} [body]
 * @property {string | undefined} [ifMatch]
 * @property {string} [accept]
 * @property {AbortSignal | undefined} [signal]
 * @property {boolean} [endless] the answer goes on as long as there is something to tell
 */

/**
 * The answer as it comes, if it is a good one.
 * @param {string} method
 * @param {string} path
 * @param {Options} [options]
 * @returns {Promise<Response>}
 */
export async function request(method, path, options = {}) {
	for (;;) {
		const sent = sessionStorage.getItem(TOKEN);
		const response = await send(method, path, options);
		if (response.ok) return response;
		const problem = await problemOf(response);
		if (response.status !== 401 || (access.declined && method === "GET")) throw new Refused(problem);
		// Somebody may have given another one meanwhile.
		if (sent === sessionStorage.getItem(TOKEN) && !(await demandToken())) throw new Refused(problem);
	}
}

/**
 * @param {string} method
 * @param {string} path
 * @param {Options} options
 */
async function send(method, path, { body, ifMatch, accept, signal, endless }) {
	const headers = {
		...credentials(),
		...(accept === undefined ? {} : { accept }),
		...(ifMatch === undefined ? {} : { "if-match": ifMatch }),
		...(method === "GET" ? {} : { "content-type": "application/json" }),
	};
	const limits = [...(signal ? [signal] : []), ...(endless ? [] : [AbortSignal.timeout(LIMIT_MS)])];
	try {
		const response = await fetch(path, {
			method,
			headers,
			signal: AbortSignal.any(limits),
			cache: "no-cache",
			...(body === undefined ? {} : { body: JSON.stringify(body) }),
		});
		connection.note(true);
		return response;
	} catch (error) {
		if (!signal?.aborted) connection.note(false);
		throw error;
	}
}

/**
 * @param {Response} response
 * @returns {Promise<Problem>}
 */
async function problemOf(response) {
	const { status, statusText } = response;
	try {
		return await response.json();
	} catch {
		return {
			type: "about:blank",
			title: statusText,
			status,
			detail: `the server says ${status} ${statusText}`,
		};
	}
}

/**
 * Reads JSON.
 * @param {string} path
 * @param {AbortSignal} [signal]
 * @returns {Promise<any>} what `model.ts` says of that path
 */
export async function get(path, signal) {
	return (await request("GET", path, { signal })).json();
}

/**
 * The same with the ETag that a change of it may name, as `tag`.
 * @param {string} path
 * @param {AbortSignal} [signal]
 * @returns {Promise<any>}
 */
export async function getTagged(path, signal) {
	const answer = await request("GET", path, { signal });
	return { ...(await answer.json()), tag: answer.headers.get("etag") ?? "*" };
}

/** The address of a disk in the API. @param {string} name */
export function diskPath(name) {
	return `/api/v1/disks/${encodeURIComponent(name)}`;
}
