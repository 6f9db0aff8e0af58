// The entry of every page with a rail. Apart from shell.js, because a page's own module imports that one too: a script that is both
// an entry (by its hashed address) and an import (by its plain one) would run twice.

import { start } from "./shell.js";

start();
