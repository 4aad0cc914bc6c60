/**
 * A pool as a version made it that knew format 2, with checkpoints, but without a table of what lives: its head, and of two slots what was
 * written, packed. Its volumes: `web`, which has snapshots `one` and `two`; `copy`, a clone of `one`.
 */

import { gunzipSync } from "node:zlib";
import { BLOCK_BYTES, FILE_BYTES, SEGMENT_BYTES } from "../../lib/pool/format.js";
import { MemoryFolder, poke } from "./memory-folder.js";

const HEAD_BYTES = 2 * BLOCK_BYTES;
/** Of slot 0, which has the log. Slot 2 has nodes. */
const LOG_BYTES = 106_496;

const PACKED = [
	"H4sIAAAAAAACA+3dXYgdZx3H8dm8dds0tFSRXKhtHy+awESfZ95nwLYuIimNoJYGSwh1ztlnN0POzpycmWSzWQ7VIKUIFaW58EpE8KJCVPRCbyxe",
	"SW6EQC96IRREsDdeBUUQK/KcfWZ3s+ecmBTC2Wy/n4v8Z2f2zMyZ88zszvyefXL61MLJfY7jfGbOcX5x9DePrYt+VfVEliR+mEo/DlxRlN18UOZN",
	"UZUiU67Q/ap7TmTSFXWTDxqRrYtaL6/ostmY2avshL5wUZddPfqiO+iOalOs6Jdrkak4CuQWNRytrdPTIlO+K+qi0SITK3qlGqwJV3TP6e75flWU",
	"o831e7lZbRAGSbs9zxWdtUbXIgtDuzUVhF7qKRml2/fFrH3yTqjUFf2qLjbeqCeToSuWdakH9q0nQwcAAAAAgAfT6W33/89+78fff5Du/31PBRPu",
	"/4P2/l9GcSCjWHm33f+rqff/0fb7fxVHO+7/Y+7/AQAAAAAP8P3/N+Ycx/nbd38emK/n7Py5Hd+3//nOl1758qGx17/uOM5f/vrZy+b7T51+9RpH",
	"FAAAAACA3eeq4zjroqxGcXt3oPNGC1f0ilKPsv4yXzELVnVHmFD+il7YCNmjWMkkiQJX9PPldmYg08hE7YMi74lMdHSaLEZLnW6cqkQuJsIVq6ul",
	"yIS/cwHBOgAAAAAA99VG/j83lv/vs/VxWw/a/L9dbrL++W3rMfOf/e9L3a1+A/POa+ePLnCEAQAAAACYvTkAAAAAALDnTcv/99v6lK2HbP7f9gsw",
	"Wf/O/H/x5o1ybnMd8861znvHeMICAAAAAMDs7QMAAAAAAHvetPz/gK3S1ods/t/2CzBZ/878/59Pf/I7c5tjB8w7nZPRLZ6wAAAAAAAwe/sBAAAA",
	"AMCeNy3/P2jr87bO2/y/7Rdgsv6d+f8Tn3vr63ObYwfMOwsXXviQJywAAAAAAMzeAQAAAAAAsOdt5P/OWP5/yNav2fqwzf/bfgEm6zf1hJl+e/8v",
	"zet++85/XueJCgAAAAAAu89xx3HWRVk1WmSiLvN+fa5qhCt6RalFplxR5itmUVVqMeRwAQAAAADwQJqW/z9k67dsPWzz/7ZfQJv1v+04zqv/eueI",
	"ed2b3S9e54gCAAAAALD7/Gx7/t8d6LzRm+m/t5n+d6v+mnBFXVzRC2uNrkUWxUomSRS4op8vtzMDmUauqPWgyHsiE/Firr087sRLaknlfle4YnW1",
	"FJnwxxdUg2K5KEW2vtXzoF/VRVNUpcgSOaTvAQAAAAAAH9208f/bsf37tj5q8/+2X4DJ+neO///TP994am5zHfPO1Q9efJ8jDAAAAADA7H0KAAAA",
	"AADsedPy/4dt/batR2z+32b+Juvfmf+/+0Z80dT9Nv8PLl3PecICAAAAAMDsPQ0AAAAAAPa8afn/I7b+wNbHbP7f9gswWf/O/P/Xb0ZdUw/a/P+5",
	"m08+wxMWAAAAAABmLwYAAAAAAHveRv7vjOX/h239ia2P2/y/7Rdgsn5TT5i+AcufP2pe98dDX73AExUAAAAAAHaf447jrIuyarTIRF3m/fpc1QhX",
	"9IpSi0y5osxXzKJmtRJDDhcAAAAAAA+kaX///6itv7L1CZv/t/0CTNa/8+//3+r9/d+mHhrNmXf2ffP3FUcYAAAAAIDZWwAAAAAAAHvetPz/iK1/",
	"sPUTNv9v+wWYrH9n/v+nH37l1tzmnHnnH8dPpzxhAQAAAABg9g4DAAAAAIA9jycgH2+XVhzngPk/HOzXR0f/ftp57fzRhWN2+lrnvWOJne6cjG6d",
	"tNMLF174cF3U+sJFXXa1yCJXNMWKfrkWmYqjQG5JXdHRy3k5YZFyRd3kg0ZkZlXLK7psRCZdUfcqO7G5fumK7qA7qlO2o4auKPXl5tRo9Epv+IgZ",
	"2nJRv9SrmlpkZ7yzZs6lqnfRjGm5PjbI5aruCFfUxRW9sNboWmRRrGSSRIEr+vlyOzOQaWR2a1DkPZGJjk6TxWip041TlcjFRLhidbUUmfDHF3QH",
	"Om/04oQ994euGFTmLZ+Rbqg8V7qBe0LJNPbiNPHC0Z5vjs+Zrbe7XJV6+2id/aoumqIqRZbIO30aE99jUZ/UvUWRLeW9Wv///TmzLvq93HwwYRy1",
	"H5jnis7GekMZ289LBb6XqjCIguHZO7W3y3b66gcvvr+9vb1hp4NL1/Pt7S2d9g6VP5P25k9ubzof9Ao9MBu0x0vJxJ9wwHy7PU+FiVQq9W/bmzue",
	"XVufexoNJzVyb7ORd6v+2r238ngx114ed+IltaRyv7vVyscXTG3lSt1NK9/956dSfrSx64En4yAOVbqrz0/lSTne3hKlbIPzwzSVngojuXGCHnQc",
	"5wsf8QT9kZ1+7uaTz2w/Wc3Gppyt0cf+bB3fqCfNARvbaNB+YjKUfiLTMHLv9oK4tVEVBFwj7vc1wpNR6Eo3dL3QC30ZhrvxR/jE/TFDfU/cHxXJ",
	"O53D97ZDE4/P1iXLU8GE9q9k3J52gRem0gsTf+OSZcYcawcbu2EvQab/8b1esn5np83YZbddvvypbz3l8jWTy9f4Vn1PBXfYqpJRHMgoVp571z+Y",
	"tm025jer+37V9L0ocaUbuXEa+34cxilXzXu4avp+OOFOTKnUa0+8JJZeEAeBGp79H1iWwpr70QEA",
];

export async function poolOfFormat2(): Promise<MemoryFolder> {
	const bytes = new Uint8Array(gunzipSync(Buffer.from(PACKED.join(""), "base64")));
	const folder = new MemoryFolder();
	await folder.create("head", HEAD_BYTES);
	await folder.create("log.000000", FILE_BYTES);
	await poke(folder, "head", 0, bytes.slice(0, HEAD_BYTES));
	await poke(folder, "log.000000", 0, bytes.slice(HEAD_BYTES, HEAD_BYTES + LOG_BYTES));
	const nodes = bytes.slice(HEAD_BYTES + LOG_BYTES);
	const whole = new Uint8Array(512 * Math.ceil(nodes.length / 512));
	whole.set(nodes);
	await poke(folder, "log.000000", 2 * SEGMENT_BYTES, whole);
	return folder;
}
