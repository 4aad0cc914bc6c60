/**
 * Answers that are told in pieces: each is made when the one before has been taken and the loop has had a turn, so that lists of thousands
 * keep nobody waiting and are never held as text. Used by the routes of the API.
 */

/** Of a list. */
const ITEMS_A_PIECE = 64;

/** A piece each time the last one has been taken, and the loop has had a turn. */
export function streamOf(pieces: Iterator<string>): ReadableStream<Uint8Array> {
	const encoder = new TextEncoder();
	return new ReadableStream({
		pull: async (controller) => {
			await new Promise((resolve) => setImmediate(resolve));
			const { value, done } = pieces.next();
			if (done) controller.close();
			else controller.enqueue(encoder.encode(value));
		},
	});
}

type Listing<Key extends string> = Readonly<Record<Key, readonly unknown[]>>;

/** The JSON of `value` in pieces; its long list is at `key`. */
export function* jsonPieces<Key extends string, Value extends Listing<Key>>(
	value: Value,
	key: Key,
): Generator<string, void, undefined> {
	const { [key]: items, ...others } = value as Listing<Key>;
	const head = JSON.stringify(others).slice(0, -1);
	let text = `${head}${head === "{" ? "" : ","}${JSON.stringify(key)}:[`;
	for (const [index, item] of items.entries()) {
		if (index > 0) text += ",";
		text += JSON.stringify(item);
		if (index % ITEMS_A_PIECE < ITEMS_A_PIECE - 1) continue;
		yield text;
		text = "";
	}
	yield `${text}]}\n`;
}

/** An answer with a list, which may be long. */
export function listed<Key extends string, Value extends Listing<Key>>(
	value: Value,
	key: Key,
	headers: Readonly<Record<string, string>> = {},
): Response {
	return new Response(streamOf(jsonPieces(value, key)), {
		headers: { "content-type": "application/json", "cache-control": "no-store", ...headers },
	});
}
