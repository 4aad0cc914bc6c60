/**
 * What someone should look at, for the status: a line each, worst first.
 */

import type { AoeExport } from "../model.js";
import type { Inside } from "./inside.js";

export function problemsOf({ desired, observed, state, workers, places }: Inside): string[] {
	const { lastReload } = desired;
	const stewards = desired.stewards();
	const told = (wanted: string) =>
		stewards
			.filter(({ state }) => state === wanted)
			.map(({ disk, reason }) => `disk ${disk.name}: ${reason ?? "its storage hangs"}`);
	const exported = stewards.flatMap(({ disk: { name } }) => {
		const aoe = observed.disk(name)?.view?.aoe;
		return aoe ? [{ name, aoe }] : [];
	});
	return [
		...(state.wrong === null ? [] : [state.wrong]),
		...state.damage,
		...workers.troubles(),
		...told("abandoned"),
		...told("failed"),
		...exported.flatMap(({ name, aoe }) => silencesOf(name, aoe)),
		...exported.flatMap(({ name, aoe }) => rivalsOf(name, aoe)),
		...observed
			.links()
			.flatMap(({ name, state, reason }) => (state === "up" ? [] : [`link ${name}: ${reason ?? state}`])),
		...places.wrong.map((wrong) => `[http] listen: ${wrong}`),
		...(lastReload?.ok === false ? [`the last reload changed nothing: ${lastReload.errors[0] ?? ""}`] : []),
		...desired.config.warnings.map(({ message }) => message),
	];
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
