/**
 * The templates of a configuration, by name: each with an image in a pool of the configuration, a shelf and links. And where boot scripts
 * can be had, which is nowhere else. Asked by `config.ts`.
 */

import { quote } from "../text.js";
import type { PoolConfig, TemplateConfig } from "./configuration.js";
import type { Joined } from "./inherit.js";
import type { IscsiValues } from "./iscsi-schema.js";
import { TEMPLATE_DEFAULTS } from "./keys.js";
import type { NbdValues } from "./nbd-schema.js";
import type { TemplatePart } from "./parts.js";
import { absentName, alreadyAt, PlacedError } from "./place.js";
import type { BootValues, HttpValues } from "./schema.js";

/** What is wrong is added to `errors`. */
export function templatesOf(
	parts: readonly TemplatePart[],
	pools: readonly PoolConfig[],
	errors: PlacedError[],
): TemplateConfig[] {
	const byName = new Map<string, TemplatePart>();
	const templates: TemplateConfig[] = [];
	for (const part of parts) {
		const { name, placeOf } = part;
		const first = byName.get(name);
		byName.set(name, first ?? part);
		if (first === undefined) templates.push(...templateOf(part, pools, errors));
		else errors.push(new PlacedError(placeOf([]), alreadyAt(`[template.${name}]`, first.placeOf([]))));
	}
	return templates;
}

/** None if it has errors. */
function templateOf(
	{ name, settings, values, placeOf }: TemplatePart,
	pools: readonly PoolConfig[],
	errors: PlacedError[],
): TemplateConfig[] {
	const { image, shelf, netif = [], macs, keep = TEMPLATE_DEFAULTS.keep } = values;
	const before = errors.length;
	const wrong = (key: string, what: string): void => {
		errors.push(new PlacedError(placeOf([key]), `template ${name}: ${what}`));
	};
	if (image === undefined) wrong("image", "image is missing");
	else if (!pools.some((pool) => pool.name === image.pool))
		errors.push(absentName(placeOf(["image"]), `template ${name}: `, "pool", image.pool));
	if (shelf === undefined) wrong("shelf", "shelf is missing");
	if (netif.length === 0) wrong("netif", "netif is missing, or empty");
	if (errors.length > before || image === undefined || shelf === undefined) return [];
	return [{ name, settings, imageText: settings.image ?? "", image, shelf, netif, macs, keep, placeOf }];
}

interface Listening {
	readonly boot: Joined<object, BootValues>;
	readonly nbd: Joined<object, NbdValues>;
	readonly iscsi: Joined<object, IscsiValues>;
	readonly http: Joined<object, HttpValues>;
}

/** A machine that wants its script must not find the page there, nor a client of NBD or an initiator any of these. */
export function refuseSharedPlaces({ boot, nbd, iscsi, http }: Listening, errors: PlacedError[]): void {
	const taken = new Map((http.values.listen ?? []).map(({ name }) => [name, "http"]));
	const others = [["boot", boot] as const, ["nbd", nbd] as const, ["iscsi", iscsi] as const];
	for (const [section, { values, placeOf }] of others)
		for (const [index, { name }] of (values.listen ?? []).entries()) {
			const other = [...taken.keys()].find((each) => isSharedWith(each, name));
			const place = placeOf(["listen", index]);
			if (other !== undefined && place !== undefined) {
				const what = other === name ? "it" : other;
				const where = `${section}.listen ${quote(name)}: ${taken.get(other)}.listen`;
				errors.push(new PlacedError(place, `${where} has ${what} already`));
			}
			taken.set(name, section);
		}
}

/** One of them can't be had beside the other: it is the same, or every address of IPv4, or of IPv6, with that port. */
function isSharedWith(one: string, other: string): boolean {
	if (one === other) return true;
	const [all, every] = [one, other].map(everyAddressOf);
	return all !== undefined && all === every && (one === all || other === all);
}

/** `192.0.2.1:3260` as `0.0.0.0:3260`, `[2001:db8::1]:3260` as `[::]:3260`. */
function everyAddressOf(name: string): string | undefined {
	if (name.startsWith("unix:")) return undefined;
	return `${name.startsWith("[") ? "[::]" : "0.0.0.0"}${name.slice(name.lastIndexOf(":"))}`;
}
