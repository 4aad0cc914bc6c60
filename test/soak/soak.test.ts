// A mixed load for some seconds; `npm run soak` goes on for ten.
import { soakTest } from "./soak.js";

soakTest(5);
