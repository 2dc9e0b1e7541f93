/** Marks the routes that plugins add, because those cannot configure who may call them. */
import type { RouteOptions } from 'fastify';
import { CONSOLE_PATH, DOCS_PATH } from '../http/api-base.ts';

/** The route that answers preflights. */
const PREFLIGHT_PATH = '*';

/**
 * Marks the console, the reference page and preflights as public. Must be the first `onRoute` hook, so that the others see the mark.
 */
export function markPluginRoutes(route: RouteOptions & { path: string }): void {
  const { url, method } = route;
  const isPreflight = url === PREFLIGHT_PATH && method === 'OPTIONS';
  const isPage = [CONSOLE_PATH, DOCS_PATH].some(
    (path) => url === path || url.startsWith(`${path}/`),
  );
  if (isPreflight || isPage) {
    // Anybody may ask for it any number of times. The build and `addDescription` have compressed what is worth it.
    route.compress = false;
    route.config = { ...route.config, public: true };
  }
}
