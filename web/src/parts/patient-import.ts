/** Loads a part of the console that may be unavailable for a while, or gone because the API is a newer one. */

const PAUSES_MS = [1_000, 2_000, 4_000];
/** When the page was last loaded again for this. */
const KEY = 'pulse-reloaded';
const RELOAD_EVERY_MS = 60_000;

/** Tries several times. Then loads the whole page again, once a minute at most, as browsers may remember the failure. */
export async function patiently<Part>(load: () => Promise<Part>): Promise<Part> {
  for (const pauseMs of PAUSES_MS) {
    try {
      return await load();
    } catch {
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }
  try {
    return await load();
  } catch (error) {
    if (Date.now() - Number(sessionStorage.getItem(KEY)) > RELOAD_EVERY_MS) {
      sessionStorage.setItem(KEY, String(Date.now()));
      location.reload();
    }
    throw error;
  }
}
