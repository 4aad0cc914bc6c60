/**
 * `vblade events`: what has happened, a line each, and with `-f` what happens. A stream that ends, as it does when the daemon is
 * started again, is begun anew after the last line. Called by `commands.ts`.
 */

import type { IncomingMessage } from "node:http";
import { Disk, type Event, EventList, Event as EventSchema } from "../../control/model.js";
import { readDiskName } from "../../spec/schema.js";
import { readNumber } from "../../spec/values.js";
import { oneLine } from "../../text.js";
import { type Output, processOutput } from "../client.js";
import { asking, isRefusal, NO_ANSWER, queryOf, rest, whileRead } from "./asking.js";
import { AskError, type DaemonClient } from "./client.js";
import { pathOf } from "./disks.js";
import { EVENTS } from "./options.js";

const LINES_MAX = 4096;
const AGAIN_MS = 1000;
/** Twice as long as the daemon lets pass without a sign of life. */
const SILENCE_MS = 40_000;
const EVENT_CHARACTERS_MAX = 2 ** 20;

/** Resolves to the exit status. With `-f` it goes on until `signal`, or whoever reads is gone. */
export async function eventsCommand(
	argv: readonly string[],
	output: Output = processOutput,
	signal: AbortSignal = whileRead(),
): Promise<number> {
	return asking(EVENTS, argv, output, async ({ line, daemon, json }) => {
		const limit = readNumber("lines", line.last("lines") ?? "", { min: 0, max: LINES_MAX });
		const name = line.last("disk");
		const disk = name === undefined ? undefined : readDiskName(name);
		const show = (event: Event): void => output.out(json ? `${JSON.stringify(event)}\n` : lineOf(event));
		const { events } = await daemon.get(
			`/api/v1/events?${queryOf({ limit: Math.max(1, limit), disk })}`,
			EventList,
		);
		// Of a disk that was removed there may be events still; of one that there never was it is a mistake.
		if (events.length === 0 && disk !== undefined) await daemon.get(pathOf(disk), Disk);
		if (limit > 0) for (const event of events) show(event);
		if (!line.has("follow")) return 0;
		const followed = new Following(daemon, disk, events.at(-1)?.id, show, (what) =>
			output.err(`vblade: ${oneLine(what)}\n`),
		);
		await followed.run(signal);
		return 0;
	});
}

function lineOf({ at, severity, kind, message, disk, volume, link, initiator }: Event): string {
	const about = [disk && `disk ${disk}`, volume && `volume ${volume}`, link && `link ${link}`, initiator]
		.filter((what) => what !== undefined && !message.includes(what))
		.map((what) => `${what}: `)
		.join("");
	const head = `${at} ${severity.padEnd("warning".length)} ${kind.padEnd("volume-rolled-back".length)}`;
	return `${head} ${oneLine(about + message)}\n`;
}

class Following {
	/** Whether it has been said that nobody answers. */
	#isTold = false;

	constructor(
		private readonly daemon: DaemonClient,
		private readonly disk: string | undefined,
		/** Of the last one that was shown. */
		private last: number | undefined,
		private readonly show: (event: Event) => void,
		private readonly tell: (what: string) => void,
	) {}

	async run(signal: AbortSignal): Promise<void> {
		while (!signal.aborted) {
			try {
				await this.#listen(signal);
			} catch (error) {
				if (signal.aborted) return;
				if (isRefusal(error)) throw error;
				if (!this.#isTold) this.tell(NO_ANSWER);
				this.#isTold = true;
			}
			await rest(AGAIN_MS, signal);
		}
	}

	/** Until the stream ends. */
	async #listen(signal: AbortSignal): Promise<void> {
		await this.#catchUp();
		const silence = new AbortController();
		const ended = AbortSignal.any([signal, silence.signal]);
		const timer = setTimeout(() => silence.abort(), SILENCE_MS);
		try {
			const headers = { accept: "text/event-stream", "last-event-id": String(this.last ?? 0) };
			const stream = await this.daemon.stream(
				`/api/v1/events?${queryOf({ disk: this.disk })}`,
				headers,
				ended,
			);
			this.#isTold = false;
			await this.#read(stream, timer);
		} finally {
			clearTimeout(timer);
		}
	}

	/** However it ends, it is asked for again. */
	async #read(stream: IncomingMessage, timer: NodeJS.Timeout): Promise<void> {
		let text = "";
		try {
			for await (const piece of stream.setEncoding("utf8") as AsyncIterable<string>) {
				timer.refresh();
				text = this.#take(text + piece);
			}
		} catch (error) {
			if (error instanceof AskError) throw error;
		}
	}

	/** What was missed, and whether more was than is kept. */
	async #catchUp(): Promise<void> {
		if (this.last === undefined) return;
		const query = queryOf({ after: this.last, limit: LINES_MAX, disk: this.disk });
		const { events, lost } = await this.daemon.get(`/api/v1/events?${query}`, EventList);
		if (lost && this.disk === undefined) this.tell("what happened in between may be missing here");
		for (const event of events) this.#put(event);
	}

	/** Shows whole events; returns the rest. */
	#take(text: string): string {
		const parts = text.split("\n\n");
		const left = parts.pop() ?? "";
		for (const part of parts) {
			const data = part
				.split("\n")
				.filter((line) => line.startsWith("data: "))
				.map((line) => line.slice("data: ".length));
			if (data.length === 0) continue;
			const { data: event } = EventSchema.safeParse(jsonOf(data.join("\n")));
			if (event !== undefined) this.#put(event);
		}
		if (left.length > EVENT_CHARACTERS_MAX) throw new AskError(["an event of the daemon has no end"], 400);
		return left;
	}

	#put(event: Event): void {
		if (this.last !== undefined && event.id <= this.last) return;
		this.last = event.id;
		this.show(event);
	}
}

function jsonOf(text: string): unknown {
	try {
		return JSON.parse(text);
	} catch {
		return undefined;
	}
}
