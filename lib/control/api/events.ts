/**
 * `/api/v1/events`: a list, or, for whoever accepts `text/event-stream`, one by one as they happen (server-sent events). A stream goes
 * on after `Last-Event-ID`. Whoever does not read is cut off: what waits for him is bounded.
 */

import { z } from "zod";
import type { EventLog } from "../event-log.js";
import { type Event, EventList } from "../model.js";
import { Refusal } from "../problem.js";
import { type Call, json, type Route, route } from "../routes.js";
import type { Inside } from "./inside.js";
import { wholeNumber } from "./pages.js";

const query = z.strictObject({
	after: wholeNumber(
		Number.MAX_SAFE_INTEGER,
		"The id after which to begin; without it: the latest",
	).optional(),
	limit: wholeNumber(4096, "How many at most; default 100").optional(),
	disk: z.string().optional().meta({ description: "Those that concern this disk alone" }),
});

const LIMIT = 100;
const STREAMS_MAX = 100;
/** What may wait for one who does not read. */
const WAITING_MAX_BYTES = 2 ** 19;
/** How many of those that he has missed a listener is told: they fit in what may wait. */
const REPLAYED_MAX = 500;
/** So that whoever is gone is found out, and nobody in between takes the stream for dead. */
const HEARTBEAT_MS = 15_000;

export function eventRoutes({ events }: Inside): Route[] {
	const streams = new Streams(events);
	return [
		route({
			method: "GET",
			path: "/api/v1/events",
			summary: "What has happened; as server-sent events, what happens",
			query,
			answers: {
				200: { description: "A list, or with `Accept: text/event-stream` a stream", schema: EventList },
			},
			handle: (call) => {
				const { after, limit = LIMIT, disk } = call.query;
				const wanted = (event: Event): boolean => disk === undefined || event.disk === disk;
				if (!call.header("accept")?.includes("text/event-stream"))
					return json(events.after(after, limit, wanted) satisfies EventList);
				const last = call.header("last-event-id");
				const from = last !== undefined && /^\d{1,15}$/.test(last) ? Number(last) : after;
				return streams.open(from, wanted, call);
			},
		}),
	];
}

type Connection = Pick<Call<undefined, undefined>, "caller" | "signal" | "disconnect">;

class Streams {
	/** So that those who come by TCP take none from those who may use the socket. */
	readonly #open = { unix: 0, tcp: 0 };

	constructor(readonly events: EventLog) {}

	open(
		after: number | undefined,
		wanted: (event: Event) => boolean,
		{ caller: { transport }, signal, disconnect }: Connection,
	): Response {
		if (this.#open[transport] >= STREAMS_MAX)
			throw new Refusal(503, `${STREAMS_MAX} others are listening already`);
		this.#open[transport]++;
		let stop: (() => void) | undefined;
		const close = (): void => {
			if (stop === undefined) return;
			stop();
			stop = undefined;
			this.#open[transport]--;
		};
		const body = new ReadableStream<Uint8Array>(
			{
				start: (controller) => {
					stop = this.#feed(controller, after, wanted, () => {
						close();
						disconnect();
					});
					signal.addEventListener("abort", close, { once: true });
				},
				cancel: close,
			},
			new ByteLengthQueuingStrategy({ highWaterMark: WAITING_MAX_BYTES }),
		);
		return new Response(body, {
			headers: { "content-type": "text/event-stream", "cache-control": "no-store" },
		});
	}

	/** Returns how to stop that; calls `cutOff` if nobody reads. */
	#feed(
		controller: ReadableStreamDefaultController<Uint8Array>,
		after: number | undefined,
		wanted: (event: Event) => boolean,
		cutOff: () => void,
	): () => void {
		const encoder = new TextEncoder();
		const send = (text: string): void => {
			if ((controller.desiredSize ?? 0) > 0) controller.enqueue(encoder.encode(text));
			else cutOff();
		};
		const tell = (event: Event): void => {
			if (wanted(event)) send(`id: ${event.id}\nevent: ${event.kind}\ndata: ${JSON.stringify(event)}\n\n`);
		};
		send("retry: 2000\n\n");
		if (after !== undefined) {
			const missed = this.events.after(after, Infinity, wanted).events;
			for (const event of missed.slice(-REPLAYED_MAX)) tell(event);
		}
		const heartbeat = setInterval(() => send(":\n\n"), HEARTBEAT_MS);
		const deafen = this.events.listen(tell);
		return () => {
			clearInterval(heartbeat);
			deafen();
		};
	}
}
