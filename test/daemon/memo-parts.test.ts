/** A memo of several protocols: each has its own, also while all of them change theirs; what is no object is nothing. */

import t from "tap";
import type { Memo } from "../../lib/block/memo.js";
import { keepParts, partsIn } from "../../lib/daemon/memo-parts.js";
import { OperatorError } from "../../lib/errors.js";

class SlowMemo implements Memo {
	readonly waiting: (() => void)[] = [];
	isFull = false;

	constructor(public text: string | undefined) {}

	async keep(text: string): Promise<void> {
		await new Promise<void>((resolve) => this.waiting.push(resolve));
		if (this.isFull) throw new OperatorError("full");
		this.text = text;
	}

	flow(): void {
		for (const go of this.waiting.splice(0)) go();
	}
}

t.test("each has its own", async (t) => {
	const memo = new SlowMemo('{"macs":null,"later":7}');
	const both = [keepParts(memo, { macs: [1] }), keepParts(memo, { scsi: { a: 1 } })];
	memo.flow();
	await Promise.all(both);
	t.same(partsIn(memo), { macs: [1], later: 7, scsi: { a: 1 } });
	memo.isFull = true;
	const failed = keepParts(memo, { scsi: { a: 2 } });
	memo.flow();
	await t.rejects(failed, OperatorError);
	memo.isFull = false;
	const next = keepParts(memo, { macs: [2] });
	memo.flow();
	await next;
	t.same(partsIn(memo), { macs: [2], later: 7, scsi: { a: 1 } }, "what was not kept is not kept later");
});

t.test("what is none", async (t) => {
	for (const text of [undefined, "", "[1]", "7", "null", "{", "no"]) t.same(partsIn(new SlowMemo(text)), {});
});
