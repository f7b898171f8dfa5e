// The page /live: receives what happens in the platform, and shows it as a picture, as numbers and as a list.

import { addToCounts, showFigures, startFigures } from "./live-figures.js";
import { refreshHistoryOf } from "./live-history.js";
import { addToLog } from "./live-log.js";
import { clearPicture, showDeliveries, showEvents } from "./live-picture.js";
import { onPause } from "./live-pause.js";
import { listen } from "./live-source.js";

// On a phone, the table would be longer than everything else.
if (matchMedia("(max-width: 48rem)").matches) document.querySelector(".live-consumers").open = false;
startFigures();
onPause((isPaused) => { if (isPaused) clearPicture(); });
listen({
  past: ({ events }) => addToLog(events),
  events: ({ events, counts }) => {
    addToCounts(counts);
    showEvents(counts);
    addToLog(events);
    refreshHistoryOf(events.map(([, id]) => id));
  },
  figures: (figures) => {
    showFigures(figures);
    showDeliveries(figures.consumers);
  },
});
