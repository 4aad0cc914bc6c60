/**
 * What happens, as it happens: one stream of server-sent events for the whole page, begun by `app.js`. Views read `feed.events` and
 * listen for `event`. A stream that ends, or is silent for longer than its heartbeat, is begun anew after the last event.
 */

import { get, request } from "./api.js";
import { backOffMs, pause, seen } from "./live.js";

/** @import { Event as Happening } from "../model.js" */

const KEPT = 1000;
const FIRST = 200;
/** The server says something every 15 s. */
const SILENCE_MS = 40_000;

class Feed extends EventTarget {
	/** Latest first. @type {Happening[]} */
	events = [];
	/** Some have happened that nobody keeps. */
	lost = false;

	/** @param {Happening} event */
	#add(event) {
		if (event.id <= this.last) return;
		this.events.unshift(event);
		if (this.events.length > KEPT) this.events.pop();
	}

	get last() {
		return this.events[0]?.id ?? -1;
	}

	/** For ever. @param {AbortSignal} signal */
	async run(signal) {
		for (let failures = 0; !signal.aborted; failures++) {
			await seen(signal);
			try {
				await this.#catchUp(signal);
				failures = 0;
				await this.#follow(signal);
			} catch {
				// Refused, or nothing answers: `api.js` has told.
			}
			await pause(backOffMs(failures), signal);
		}
	}

	/** @param {AbortSignal} signal */
	async #catchUp(signal) {
		const after = this.last < 0 ? `limit=${FIRST}` : `after=${this.last}&limit=${KEPT}`;
		const { events, lost } = await get(`/api/v1/events?${after}`, signal);
		this.lost ||= lost && this.last >= 0;
		for (const event of events) this.#add(event);
		this.dispatchEvent(new Event("event"));
	}

	/** Until the stream ends. @param {AbortSignal} signal */
	async #follow(signal) {
		const stop = new AbortController();
		const hide = () => document.hidden && stop.abort();
		document.addEventListener("visibilitychange", hide, { signal: stop.signal });
		const response = await request("GET", `/api/v1/events?after=${Math.max(0, this.last)}`, {
			accept: "text/event-stream",
			signal: AbortSignal.any([signal, stop.signal]),
			endless: true,
		});
		let silence = setTimeout(() => stop.abort(), SILENCE_MS);
		try {
			for await (const data of messages(response)) {
				clearTimeout(silence);
				silence = setTimeout(() => stop.abort(), SILENCE_MS);
				if (data === "") continue;
				this.#add(JSON.parse(data));
				this.dispatchEvent(new Event("event"));
			}
		} finally {
			clearTimeout(silence);
			stop.abort();
		}
	}
}

/**
 * The data of each message of a stream; "" for a heartbeat.
 * @param {Response} response
 */
async function* messages(response) {
	const reader = /** @type {ReadableStream<Uint8Array>} */ (response.body).getReader();
	const decoder = new TextDecoder();
	let text = "";
	for (;;) {
		const { value, done } = await reader.read();
		if (done) return;
		text += decoder.decode(value, { stream: true });
		for (let end = text.indexOf("\n\n"); end !== -1; end = text.indexOf("\n\n")) {
			const data = text
				.slice(0, end)
				.split("\n")
				.filter((line) => line.startsWith("data:"))
				.map((line) => line.slice(5).trimStart());
			yield data.join("\n");
			text = text.slice(end + 2);
		}
	}
}

export const feed = new Feed();
