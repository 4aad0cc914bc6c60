/** Values that are nearly right: one that is, with something else in one place. For tests of what comes from whoever may be hostile. */

import * as fc from "fast-check";

type Node = Record<string, unknown> | unknown[];

/** All places within it: what holds them, and by which key. */
function placesIn(value: unknown, places: [Node, string][] = []): [Node, string][] {
	if (typeof value !== "object" || value === null) return places;
	for (const key of Object.keys(value)) {
		places.push([value as Node, key]);
		placesIn((value as Record<string, unknown>)[key], places);
	}
	return places;
}

const anything = fc.oneof(
	fc.jsonValue({ maxDepth: 2 }),
	fc.constantFrom(-1, 0.5, 2 ** 53, 1e300, "", "__proto__", "x".repeat(5000), [], {}, null),
);

/** `right` with up to three places changed, or taken away. */
export function mutated<T extends object>(right: T): fc.Arbitrary<T> {
	const change = fc.record({ place: fc.nat(), to: anything, takesAway: fc.boolean() });
	return fc.array(change, { minLength: 1, maxLength: 3 }).map((changes) => {
		const value = structuredClone(right);
		for (const { place, to, takesAway } of changes) {
			const places = placesIn(value);
			const [node, key] = places[place % Math.max(1, places.length)] ?? [];
			if (node === undefined || key === undefined) continue;
			if (takesAway) Reflect.deleteProperty(node, key);
			else Reflect.set(node, key, structuredClone(to));
		}
		// As it comes through a channel.
		return JSON.parse(JSON.stringify(value)) as T;
	});
}
