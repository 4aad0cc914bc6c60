// A mixed load for half a minute; `npm run soak` goes on for ten.
import { soakTest } from "./soak.js";

soakTest(30);
