/** Process that simulates weeks: receives options, sends outcomes. */

import { simulateWeek, type WeekOptions } from "./week.js";

process.on("message", (options: WeekOptions) => process.send?.(simulateWeek(options)));
