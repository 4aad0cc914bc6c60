/** A target with a claim to 9.1, and what other targets say of that address, written by hand. */

import { Bench, frame } from "../support/target-bench.js";

export const T = "020000000001";
export const A = "0200000000aa";
export const ALL = "ffffffffffff";
/** Our question about 9.1, but for the tag: what a config query has, then who asks and for how long it has served. */
export const QUESTION = frame(
	`${ALL} ${T} 88a2 10 00 0009 01 01 00000000 0000000000000000 76626c64 00 00 ${T} 00000000`,
);
/** The same while it is served, for `seconds`. */
export const CHECK = (seconds: string): Buffer =>
	frame(`${ALL} ${T} 88a2 10 00 0009 01 01 00000000 0000000000000000 76626c64 01 00 ${T} ${seconds}`);
export const answerFrom = (mac: string, slot = "01", destination = T, tag = "00000000"): Buffer =>
	frame(`${destination} ${mac} 88a2 18 00 0009 ${slot} 01 ${tag} 0010 4019 02 10 0000`);
/** What another server of our kind says of 9.1: `standing` 00 asks, 01 serves, 02 is forced to; `kind` 00 question, 01 answer. */
export const probeFrom = (
	mac: string,
	standing: string,
	kind: string,
	tag: string,
	seconds = "00000000",
): Buffer =>
	frame(
		`${ALL} ${mac} 88a2 10 00 0009 01 01 ${tag} 0000000000000000 76626c64 ${standing} ${kind} ${mac} ${seconds}`,
	);

/** The tag of a frame, and the frame without it. */
export const tagOf = (sent: Buffer | undefined): string => sent?.toString("hex", 20, 24) ?? "none";
export const untagged = (sent: Buffer): Buffer => Buffer.from(sent).fill(0, 20, 24);
export const isQuestion = (sent: Buffer): boolean => (sent[14]! & 8) === 0;
export const questions = (bench: Bench): Buffer[] => bench.link.take().map(untagged);

/** A bench that serves 9.1 by a claim. */
export async function serving(options: ConstructorParameters<typeof Bench>[0] = {}): Promise<Bench> {
	const bench = new Bench(options);
	await bench.clock.until(bench.claim(9, 1));
	bench.target.serveClaims();
	bench.link.take();
	return bench;
}

/** Lets `ms` pass, and gives back what is sent meanwhile. */
export function pass(bench: Bench, ms: number): Buffer[] {
	bench.clock.pass(ms);
	return bench.link.take();
}

export const isServed = (bench: Bench): boolean => {
	const frames = bench.ask(frame(`${T} ${A} 88a2 10 00 0009 01 01 0000aaaa`));
	return frames.some((reply) => tagOf(reply) === "0000aaaa");
};
