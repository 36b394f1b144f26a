/** A process that simulates the weeks it is told to: options in, outcomes out. */

import { simulateWeek, type WeekOptions } from "./week.js";

process.on("message", (options: WeekOptions) => process.send?.(simulateWeek(options)));
