/** What the API knows about its own routes. */
import type { FastifyContextConfig, FastifySchema } from 'fastify';
import type { Api } from './api-module.ts';

export interface RouteEntry {
  readonly method: string;
  /** The pattern, such as `/api/v1/pulses/:id`. */
  readonly url: string;
  readonly config: FastifyContextConfig;
  readonly schema: FastifySchema | undefined;
}

/** Collects the routes, as `app.routeTable`. An app does not start if a route names neither its callers nor `public`. */
export function addRouteTable(app: Api): readonly RouteEntry[] {
  const routeTable: RouteEntry[] = [];
  app.decorate('routeTable', routeTable);
  app.addHook('onRoute', (route) => {
    for (const method of [route.method].flat()) {
      const { url, schema } = route;
      routeTable.push({
        method,
        url,
        schema,
        // Read late: a hook that runs after this one sets it for the routes of plugins.
        get config() {
          return route.config ?? {};
        },
      });
    }
  });
  app.addHook('onReady', (done) => {
    const open = routeTable.find(({ config }) => config.public !== true && !config.roles?.length);
    if (open !== undefined) {
      throw new Error(`${open.method} ${open.url} has neither \`public\` nor \`roles\`.`);
    }
    done();
  });
  return routeTable;
}
