/** JSON of servers, of which nothing is known before it is looked at. Used by `swift-login.ts`, `swift.ts` and `head-etcd.ts`. */

/** Undefined: it is none. */
export function parsed(body: Buffer): unknown {
	try {
		return JSON.parse(body.toString());
	} catch {
		return undefined;
	}
}

/** Of an object; none of anything else. */
export function fieldsOf(value: unknown): ReadonlyMap<string, unknown> {
	return new Map(typeof value === "object" && value !== null ? Object.entries(value) : []);
}

export function itemsOf(value: unknown): readonly unknown[] {
	return Array.isArray(value) ? value : [];
}

export function stringIn(value: unknown, name: string): string | undefined {
	const found = fieldsOf(value).get(name);
	return typeof found === "string" ? found : undefined;
}
