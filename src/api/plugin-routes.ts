/** Marks the routes that plugins add, because those cannot configure who may call them. */
import type { RouteOptions } from 'fastify';
import { DOCS_PATH } from '../http/api-base.ts';

/** The route that answers preflights. */
const PREFLIGHT_PATH = '*';

/**
 * Marks the reference page and preflights as public. Must be the first `onRoute` hook, so that the others see the mark.
 */
export function markPluginRoutes(route: RouteOptions & { path: string }): void {
  const { url, method } = route;
  const isPreflight = url === PREFLIGHT_PATH && method === 'OPTIONS';
  if (isPreflight || url === DOCS_PATH || url.startsWith(`${DOCS_PATH}/`)) {
    route.config = { ...route.config, public: true };
  }
}
