/** Answers in pieces: the same JSON as in one, whatever the list, and no piece has much of it. */

import t from "tap";
import { jsonPieces, listed } from "../../lib/control/streamed.js";

t.test("the pieces are the JSON of the whole", async (t) => {
	for (const count of [0, 1, 63, 64, 65, 1000]) {
		const items = Array.from({ length: count }, (_, i) => ({ i, text: `"${i}"` }));
		const pieces = [...jsonPieces({ before: 1, items, after: null }, "items")];
		t.strictSame(JSON.parse(pieces.join("")), { before: 1, items, after: null }, String(count));
		t.ok(pieces.every((piece) => piece.split('"i"').length <= 65));
	}
	t.equal([...jsonPieces({ items: ["a"] }, "items")].join(""), '{"items":["a"]}\n', "and nothing else");
});

t.test("an answer with a list", async (t) => {
	const answer = listed({ items: [1, 2], next: null }, "items", { etag: '"1"' });
	t.equal(answer.headers.get("etag"), '"1"');
	t.equal(answer.headers.get("content-type"), "application/json");
	t.strictSame(await answer.json(), { items: [1, 2], next: null });
});
