/** The program where it serves: see `vblade.ts`, and `scripts/bundle.mjs`, which leaves out of this one what other commands need. */

import "./main.js";
