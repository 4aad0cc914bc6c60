// What is kept of pools and volumes: values as an operator writes them, and as they are found again.
import t from "tap";
import { arePoolSettings, historySpaceText, readHistorySpace } from "../../lib/spec/policy.js";

t.test("the space that history may take is a share or a size", async (t) => {
	t.strictSame(readHistorySpace("10%"), { percent: 10 });
	t.strictSame(readHistorySpace("2G"), { bytes: 2 ** 31 });
	for (const text of ["0%", "100%", "0", "5368709120"])
		t.equal(historySpaceText(readHistorySpace(text)), text);
	for (const text of ["101%", "-1", "10 %", "much", "", "1.5%"])
		t.throws(() => readHistorySpace(text), /^history_space ".*": a share of the pool is allowed/, text);
});

t.test("settings of a pool that were kept are looked at", async (t) => {
	t.ok(arePoolSettings({}));
	t.ok(
		arePoolSettings({ historySeconds: 0, historySpace: { percent: 10 }, historyMinSeconds: 60, keep: {} }),
	);
	for (const wrong of [
		null,
		[],
		{ history: 1 },
		{ historySeconds: -1 },
		{ historySpace: 10 },
		{ historySpace: {} },
		{ historySpace: { percent: 101 } },
		{ historySpace: { percent: 1, bytes: 1 } },
		{ keep: { monthly: 1 } },
	])
		t.equal(arePoolSettings(wrong), Array.isArray(wrong), JSON.stringify(wrong));
});
