/**
 * A pool as a version made it that knew format 1, without checkpoints: its head, and of its log what was written, packed. Its volumes: `web`,
 * which has snapshots `one` (held) and `two` and has gone back to `two`, so that there is `before-two`; `copy`, a clone of `one`.
 */

import { gunzipSync } from "node:zlib";
import { BLOCK_BYTES, FILE_BYTES } from "../../lib/pool/format.js";
import { MemoryFolder, poke } from "./memory-folder.js";

const PACKED = [
	"H4sIAAAAAAACA+3dT4gbZRjH8Te72zb9Y60epAhV+oK02mnJJJNkMijWxUPFCiJY24s4Sd6kQ9OZNDMad5et62IVbyr1JiJIoa2I",
	"UvSmVBBvot7soYgnvYvYq7y77yTj7gbEspiG7+fybN7JOwuT08zved85cXz2WE4IcVEIcemRWrIgu1HUkZ7rlsq1QqnqWDIIG34v",
	"9JMgCqVnW1J1o8Zp6RUsGSd+L5HegoxV+6wKk9XBTmT+UOdeVmFDrXxo9BorNQnOqudj6dnVilMYshdXzlbvrH67rULVM//RWRQA",
	"AAAAAOC2nDD3/+8LIfa9eGN2DO7/7eI/HwCUeQAAAAAAAMBt3/8/p+//f3vjqqM/58x4bs33po7Wnzj15NZ1898UQvxV+uCq/v7M",
	"zFOfcEUBAAAAABg/y0KIBRlGiZKebPSUnyhpyU4QqpWsP/TP6gN9VZeWjIN5NTuXqFh6lapdcN2KY8mu304HnUKtomP/XuB3pCdL",
	"pVZTlVStUnebrbpdlpbs98ONDhDwAwAAAACwqVbz/+l1+f+UqXtMnTH5f3pcZ/17M+fR47feevfysG8gL147s3c2NzhnXlys/3ww",
	"Nzh3XtSPVf7gFwAAAAAAYPPlAAAAAADAxJsCAAAAAAATbxoAAAAAAEy8Ufv/T5taMHWLWf+f7gug1/rrelgIce+V6c/0vAsvfHed",
	"FRUAAAAAAIyfh7P7/8eh341PR8kGbwCIQsU2/QAAAAAA3KFG7f8/Y+pRU7ea/D/tC9BZ/57MefS8X2+890V2v//l35/+Zbjfv1hK",
	"j02b484rn/r8AgAAAAAAbL77AAAAAADAxNsPAAAAAAAm3mr/f25d//8WU0+aus30/6frAnSvv1jT/3/u+4Ol3HBoKUd7BQAAAAAA",
	"Y2HU/v9bTX3J1Ly5/0+fC+h7fWH2/7+7fWSvnnfo5vE/uaIAAAAAAIyff7v/f9KP2P8fAAAAAIA71Kj8f5upXVO3m/w/7QtIs/4r",
	"+hwn5Xk9754DrzpcUQAAAAAAxs+lbP7f6Ck/UYP0vzhI/xtRd05aMg7m1excomLpVap2wXUrjiW7fjsddAq1iiVj1Qv8jvSk65ZV",
	"vaqaxbLvFxrNkrRkvx9KT5bWH4h6QTsIpbcw7DzoRnGQBFEoPcddpPcAAAAAAID/blT+nzd1ydQdJv9P+wLSrF+vH/jq2UM/6HnJ",
	"xWuPcUUBAAAAABg/D2Xz/9NRp7nB2v8oVKz9BwAAAADgDjbq/X/bTX3H1J0m/0/7AnTWn8+cR8/b//GWODd4d2BePP7Tgwe4wgAA",
	"AAAA/P+qAAAAAABg4o1a/7/D1I9M3WXy/7QvQGf9ui4LIW59eetRPe/qhzd380QFAAAAAIDxcz67/r8XdTp1v3Fmgz0Akn4kLXlG",
	"dRPpybpqRT11eHUsVP3jK18uZbb+d1p20S1UlV206zVVcIZb/689wMYCAAAAAABsulH5/05TPzf1LpP/p30BadZ/QQjx49SRlXX/",
	"0/vkNa4oAAAAAADj5/Vs/t/oKT9Rg/TfGaT/bf0KAEvGwbyanUtULD274LjlasWSXb+djpXtYqYFwK45ds1ttlp1v2a3SsVhC8Da",
	"A7QAAAAAAACwuUbl/7tM/cbU3Sb/T/sC0qz/ASHE5bdPfavn7b7yzNdcUQAAAAAAxs/92fy/qToqm/8TzAMAAAAAMBH+BnEfZ3YA",
	"wAEA",
];

export async function poolOfFormat1(): Promise<MemoryFolder> {
	const bytes = new Uint8Array(gunzipSync(Buffer.from(PACKED.join(""), "base64")));
	const folder = new MemoryFolder();
	await folder.create("head", 2 * BLOCK_BYTES);
	await folder.create("log.000000", FILE_BYTES);
	await poke(folder, "head", 0, bytes.slice(0, 2 * BLOCK_BYTES));
	await poke(folder, "log.000000", 0, bytes.slice(2 * BLOCK_BYTES));
	return folder;
}
