/**
 * What someone should look at, for the status: a line each, worst first.
 */

import { sizeText } from "../../text.js";
import type { AoeExport } from "../model.js";
import type { ObservedDisk } from "../observed.js";
import type { Inside } from "./inside.js";

export function problemsOf(inside: Inside): string[] {
	const { desired, observed, state, workers, places, replaced, poolKeeping, machines } = inside;
	const { lastReload } = desired;
	const stewards = desired.stewards();
	const told = (wanted: string) =>
		stewards
			.filter(({ state }) => state === wanted)
			.map(({ disk, reason }) => `disk ${disk.name}: ${reason ?? "its storage hangs"}`);
	const served = stewards
		.filter(({ state }) => state === "open" || state === "fenced")
		.flatMap(({ disk: { name } }) => {
			const seen = observed.disk(name);
			return seen === undefined ? [] : [{ name, seen }];
		});
	const exported = served.flatMap(({ name, seen }) => (seen.view?.aoe ? [{ name, aoe: seen.view.aoe }] : []));
	return [
		...(state.wrong === null ? [] : [state.wrong]),
		...state.damage,
		...workers.troubles(),
		...poolKeeping.troubles,
		...machines.troubles,
		...told("abandoned"),
		...told("failed"),
		...served.flatMap(({ name, seen }) => faultsOf(name, seen)),
		...stewards.flatMap((steward) => {
			const text = replaced.textOf(steward);
			return text === undefined ? [] : [`disk ${steward.disk.name}: ${text}`];
		}),
		...exported.flatMap(({ name, aoe }) => silencesOf(name, aoe)),
		...exported.flatMap(({ name, aoe }) => rivalsOf(name, aoe)),
		...observed
			.links()
			.flatMap(({ name, state, reason }) => (state === "up" ? [] : [`link ${name}: ${reason ?? state}`])),
		...places.wrong,
		...[...new Set(observed.looks().flatMap(({ unheard }) => unheard))],
		...(lastReload?.ok === false ? [`the last reload changed nothing: ${lastReload.errors[0] ?? ""}`] : []),
		...desired.config.warnings.flatMap(({ message, isNote }) => (isNote ? [] : [message])),
	];
}

/** What its storage does not do, though it is served. */
function faultsOf(name: string, { view, figures }: ObservedDisk): string[] {
	const told: string[] = [];
	if (view?.stalledSince) told.push(`its storage has not answered since ${view.stalledSince}`);
	const remote = view?.remote;
	if (remote != null && remote.state !== "connected")
		told.push(
			`its server is ${remote.state} since ${remote.since}${remote.why === null ? "" : `: ${remote.why}`}`,
		);
	for (const { disk, mirrored } of view?.parts ?? [])
		if (mirrored !== null && mirrored.standing !== "inSync")
			told.push(
				`its mirror's disk ${disk} is ${mirrored.standing}${mirrored.why === null ? "" : `: ${mirrored.why}`}`,
			);
	if (figures?.causes.sync) told.push("a sync has failed, and every write fails since");
	if (view != null && view.shrunkBytes !== null)
		told.push(`its file has shrunk to ${sizeText(view.shrunkBytes)}; requests behind its end fail`);
	return told.map((what) => `disk ${name}: ${what}`);
}

function silencesOf(name: string, { address, silenced }: AoeExport): string[] {
	return silenced.map(
		({ netif, mac }) => `disk ${name}: not served on ${netif} for now: ${mac} there answers for ${address}`,
	);
}

/** Two serve one address: initiators take both for one disk. */
function rivalsOf(name: string, { address, rivals }: AoeExport): string[] {
	return rivals.map(
		({ netif, mac }) =>
			`disk ${name}: ${mac} on ${netif} answers for ${address} too, and may have other data`,
	);
}
