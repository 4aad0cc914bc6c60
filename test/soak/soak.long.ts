// A mixed load for ten minutes: `npm run soak`. SOAK_SECONDS in the environment names another time.
import { soakTest } from "./soak.js";

soakTest(Number(process.env.SOAK_SECONDS ?? 600));
