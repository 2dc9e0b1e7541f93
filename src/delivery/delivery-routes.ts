/** Webhooks over HTTP: endpoints, and what is delivered to them. */
import type { ApiModule } from '../http/api-module.ts';
import { addDeliveries } from './deliveries-routes.ts';
import { DELIVERY_PROBLEMS } from './delivery-problems.ts';
import { addEndpoints, type EndpointsDeps } from './endpoints-routes.ts';

export type DeliveryModuleDeps = EndpointsDeps;

export function createDeliveryModule(deps: DeliveryModuleDeps): ApiModule {
  return {
    tag: { name: 'webhooks', description: 'Endpoints, and the events that are sent to them.' },
    problems: DELIVERY_PROBLEMS,
    addRoutes(api) {
      addEndpoints(api, deps);
      addDeliveries(api, deps.pool);
    },
  };
}
