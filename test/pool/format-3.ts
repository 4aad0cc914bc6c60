/**
 * A pool as a version made it that knew format 3, as after a kill: what its files hold where they are not zeros. Its volumes: `web`, which has
 * snapshots `one` and `two` and was written over within its window, before its last checkpoint and after; `copy`, a clone of `one`.
 */

import { gunzipSync } from "node:zlib";
import { BLOCK_BYTES, FILE_BYTES } from "../../lib/pool/format.js";
import { MemoryFolder, poke } from "./memory-folder.js";

const FILES = ["head", "log.000000"] as const;
/** Of each piece: which file, where, how long. */
const ROW_BYTES = 12;

const PACKED = [
	"H4sIAAAAAAACA+2db4wcZR3HZ6/8WQrYA4s5EW15iNKaKT7/5pmZTbTHqbGEmlQTKqZcwu527rp2b2a7u+1RLpsSQhQjRlSMJTGxaEgKmvDHRnmj",
	"8YUviNFQlQTeaIgag0JIQ5AYE6J5dp5nb29u5uilJWWX7+fF/WZm75k/zz77PL/93NwzjmOYcJy9u2d2bXAc58Mlx7nlqeeeWSKtJGmSShAIL6TC",
	"ly5pxPVqO652G0lMKswlUSupHyAV6pJOt9ruksoS6UTzC1HcTTc2E7MQHTocxfWov1Jv1/ux21iIbuuQCvOVpMuwXn9vtWZEKixwSafRjUiFLEQL",
	"SfsocUn9QFQ/2Eoacf9wrWZV7zb0uLLH4y6pHe1GHVLhnj1cIAKPspAPn4reef45SOWSVtJppNfJg6Dnkvkojtr2ynnPGVMmV7eF0x/c9gDaQmFb",
	"YOPYFkor+4Uv6vV/3Pe4HH6tlClz0XTt5i9/5pJV+/qq4zi9v9w6o3//Gf/R3Q4YvbZg+oV7HcdZInHS/xjW21G1GxGXNBtx1O8D4uqCfmExqhH9",
	"Yb07mkk/fEz5vs+Z/ihV5+1GSUP9OY3ajWqTVEi1LnwZCikFD5WsMeKSxcWYVIjIvtDDe3JB28LW4X6htKpfmBgaSjSXmn7Bvq77gHJmn9c/8trf",
	"l/uTsnPs4NQMansE2gJ1HOdqxykBAAAAAAAAAABg7ClyQRtM3GriZcYFWUekvU/WBT3yzdm4NNhH2Xmo9sI22JYRcEF7Uhc0AQAAAAAAAAAAgLGn",
	"yAVdZCI18XLjgqwj0t4n64JuuP/5p0uDe4rKTm2Xeh22ZQRcUCt1QRsAAAAAAAAAAAAw9hS5oItNnDbxSuOCrCPS3ifrgmaXfv+l0uCeorIzc+iW",
	"t2BbRsAFPZi6oIsAAAAAAAAAAAAw9hS5IDtj2B4TNxkXZB2R9j5ZF/T07449VhrcU1R2Tu07eSNsywi4oCdTF3QxAAAAAAAAAAAAxp6iOeUvNfFO",
	"E68yLsg6Iu19dNyhNcJjG57Q5b5/4pU67MoIuqDT6T/2bR+eU74TV1udA0k3Z1b5JI4w9fu4toWX1n7WhPW/LRM/YPoF21/YPkB3Dl87/J3P6nJ7",
	"33zi66jdEWwLZ9K28Ogaz5rgg16hnrSOrv9hE94c9XnVj/bPeWoupHT5YROrX0jajflGrB8wM+iRlh8IE6oe+qR3sC3on2s8a+IyE+8xccr0C7a/",
	"0H1A9m9H/7r6B/7wsybe2L43RG2PQFuYLPX/dnQ5AAAAAAAAAAAAxp4iF7TRxAdNvNa4IOuItPfJuqAjtz71w+FnTTw/uV3BtoyAC6KpC7oCAAAA",
	"AAAAAAAAY0+RC7rcxBMmXmdckHVE2vtkXdDPt31yYvhZE6Ty7KuwLSPggvakLuhKAAAAAAAAAAAAjD1FLugKE5808SPGBVlHpL1P1gXdeOrNf5cG",
	"z6koOztPb8H8gqPgglqpC/IBAAAAAAAAAAAw9hTNI3alib82catxQdYRae9j5xfcNH/TlC63ffdvfga7MoIu6MHSuuYX7C4mmF9wXNvCibXnEXuf",
	"iadNvMH0C7a/0H1A1hF/72/NV4bnEWu8dt8p1PYItIUnU0d8DQAAAAAAAAAAAMaeIhe0ycSXTPyocUHWEWnvk3VB//2x+sTw/YL//EL7YtiWEXBB",
	"p1MXdDMAAAAAAAAAAADGniIXNGniGXt/oHFB1hFp75N1QX989Ruf0/ES44Imbv9lAtsyAi7oTOqCZgAAAAAAAAAAADD2FLmgq1bIAsdxjQuyjkh7",
	"n6wL+vbxt64Y/h+xv/70t8/BtoyAC5qc6LugLQAAAAAAAAAAABh7ilzQ1fb+ILPhJuOCrCPS3ifrgj4l/nDt8H1BMx//9CHYlhFwQTR1QbsBAAAA",
	"AAAAAAAw9hS5oPfbueTNBm5ckHVE2vtkXZB6+Bd7dbzUuKBTzo9+AtsyAi5oT+qCPg8AAAAAAAAAAICxp8gFbTaRmg3SuCDriLT3ybqg/x351tzw",
	"fUGb/3z9w7AtI+CCWhP9CaL2AgAAAAAAAAAAYOzpu4AJp+R8zHGOLKTPANtiPMFU/+d1zrGDUzPbzPJDtRe2BWa5tku9vssszxy65a3bzfKpfSdv",
	"dJwl0okOHY7iekQqvku6jYXotg6pMF9JOoD5LqlF89V49UuUuaTTrba7pKJ3Nb8QxV1SoS7pNBOzMNg/dUm9Xe/H/ONQ1nNJHN3V3d2II1LhLplr",
	"Jklb77qVdBrdRhL3S7ea1f7+er2NSyRO9kcdUtm3j7rc9dXsrN54JGkeXoh0wWZ/V8wlcVVvIItRjbik07g7mjna1QWZ8n2fM+WSVnXebpQ0VPrU",
	"241qk1RItS58GQopBQ+VrDHiksXFmFSIWP1CLWnH/QN2om63Ec93SGWpp688qnaj/TkXLXsuaSe6tvZR12Pcpa7n7vColAFVqn85nbja6hxI+pVs",
	"riOJI+IuX91y/egTL34bcy+80dkVNfeTyly12YnWPhuXRPF+Xd2MCdcLwtnexhx3pdthuXxy43vd4d1zzXcn/3Szmd9958roTGfW78msO/nrlsnp",
	"lfvJMH3HdOb33mZ/F/h8D9y77vNdIt3oLt1Ql2yP4IWDnoe7pJa2c88PTcfDFWeBUEqFvVmXdKu1ZjRcmjE/pzgPbL8lFGMBk2Ho6+K6t+isKC69",
	"nOLMV/boPuW+YNz3dHHbbS0XV1ytVVwyKjweMOn1Znv9UUDbfFs595te/Y3te8PjZvn5ye3qpFkmlWdfLRoFnjHLO09vyYwITBT1JYJfkCFBrH9I",
	"0PWaDgpRtd1sRGlZU+cB5TnvuMfMaXmKBlSEkrlnO0wunxRjvJc3FPHBUFRPWkfXPxZ5c9TnVT/aP+epuZDS5bFo9QvpWMTPeizi/O3HopEdWjn1",
	"pEtd5YqQ89Dnwnv3j625p9ddTPJPj4V8rc/r+s4vp7oGJ8hp6HImRf7ov8uM/o9j9F81mjqZUe6sR9Ppgt8rGDWzo2753LKErV+ZLhjFp/PPu2i0",
	"L0/b7yv3D+WKev24WbffW06OY32fbZbzqxPnqb7P7HQm+jPJli4pr682V2dXnEmZk6FQ3w6XQigmPR6GLDe/Ev0Opzi/4kHAPc79MMjNr4QMc4oL",
	"FQyKMxr4lEuRm1+JQOWcvRA2vxKM+SwQ3KM2v9L/OXPM1MaLplU2Xrvv1Hrzq5fNsn5i93/Msn5i04pMq3BkEeGoZFqSCnkhM63VR5Wc5mX0nrDv",
	"eRj6lIdSf0M426x3+bicBsjw3k0ZnpT9lMV3dzDPk4yFvvSR470jOd6dNsc7iRwPOd7K7ZvXneNZe/GiWbdG4mXkgOfh/XCmszlgGu8ozV11rjmh",
	"9Ly8nJCFYqCtlOAep6GXmxN6vgzWdm7SV4oGPN+5Kcpziks6KM48XVx4+c5NybziwuODhNaTinphPyVclROWS2kr1U9cOJeccMrsR8/WtyInDIp6",
	"eqlGJSdUirH3Yk64+rjKD3KPa9sal57k1PN97p7194Kh43oKuei7KRf1qTC5qKIh86lQFKnoO5GKtgaZ6EZkoshEV3Ddec9ErQcqm/++sT5nqoRM",
	"9XzY4bfLVNP4QOnoh841c/WZyMtcBRskfwFnAVVS8dzMNZByTZsZ0JDLQPgqN3EN/Ly/9kphDy5p4Ikg4DzITVxD5gVruVAmpc+8QPXzVjBO/B8b",
	"J53BUFsBAA==",
];

export function poolOfFormat3(): Promise<MemoryFolder> {
	return poolOf(PACKED);
}

/** Of pieces that are packed so. */
export async function poolOf(packed: readonly string[]): Promise<MemoryFolder> {
	const bytes = gunzipSync(Buffer.from(packed.join(""), "base64"));
	const folder = new MemoryFolder();
	await folder.create(FILES[0], 2 * BLOCK_BYTES);
	await folder.create(FILES[1], FILE_BYTES);
	for (let at = 0; at < bytes.length; ) {
		const [file, offset, length] = [0, 4, 8].map((field) => bytes.readUInt32LE(at + field));
		const begin = at + ROW_BYTES;
		await poke(folder, FILES[file as 0 | 1], offset!, new Uint8Array(bytes.subarray(begin, begin + length!)));
		at = begin + length!;
	}
	return folder;
}
